"""Every snippet of the documentation runs as it stands."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import tokenize
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from io import StringIO
from pathlib import Path

import pytest

from docs.snippets import DOCS, ROOT, Snippet, pages, snippets
from docs.tutor import rows, tutor
from endpoint import Endpoint

OWN_TESTS = {"first_result", "improve", "add_a_technique"}  # run from top to bottom by tests of their own
SHOWN_ONLY = {"", "text", "csv", "toml", "json", "html", "nginx"}
HEADERS = {"en": "question,answer", "zh": "问题,答案"}
# A Chinese page has the blocks of its English one (see below), so it is run in full tests alone.
RUN_PAGES = [
    p
    for p in pages()
    if p.name.partition(".")[0] not in OWN_TESTS
    and "reference" not in p.parts
    and (".zh" not in p.name or os.environ.get("JIELONG_FULL") == "1")
]
SERVED = "127.0.0.1:8100"


def test_every_block_has_a_language_that_is_run_or_shown():
    wrong = [
        f"{s.page}:{s.line}: {s.language}"
        for page in pages()
        for s in snippets(page)
        if s.language not in {"python", "sh", *SHOWN_ONLY} or (s.not_run and s.language not in ("python", "sh"))
    ]
    assert not wrong


def test_no_command_hides_in_a_block_that_is_not_run():
    wrong = [
        f"{s.page}:{s.line}"
        for page in pages()
        for s in snippets(page)
        if s.language in ("", "text") and re.match(r"(jielong|pip|make|python) ", s.text)
    ]
    assert not wrong


def without_texts(snippet: Snippet) -> list[str]:
    """What is left of a snippet without its comments, its quoted texts and its endpoint, which are of its language."""
    text = re.sub(r"(?:openai|deepseek):[\w-]+", "ENDPOINT", snippet.text).replace("DEEPSEEK", "OPENAI")
    text = re.sub(r"--budget-\w+ [\d.]+", "BUDGET", text)
    if snippet.language == "sh":
        return re.sub(r"""/zh\b|#.*|'[^']*'|"[^"]*"|[^\x00-\x7f]+""", "", text).split()
    tokens = tokenize.generate_tokens(StringIO(text).readline)
    translated = {tokenize.COMMENT, tokenize.STRING, tokenize.NL}
    return sorted(t.string for t in tokens if t.type not in translated and t.string != ",")


@pytest.mark.parametrize("chinese", [p for p in pages() if ".zh" in p.name], ids=lambda page: page.name)
def test_both_languages_show_the_same_blocks(chinese: Path):
    """So that what one page shows is on the other, and runs there, too."""
    english = chinese.with_name(chinese.name.replace(".zh", ""))
    blocks = [[s for s in snippets(p) if s.language in ("python", "sh")] for p in (english, chinese)]
    assert [(s.language, s.not_run) for s in blocks[0]] == [(s.language, s.not_run) for s in blocks[1]]
    for one, other in zip(*blocks, strict=True):
        assert without_texts(one) == without_texts(other), f"{one.page}:{one.line}, {other.page}:{other.line}"


def prepare(folder: Path, language: str) -> None:
    """The files that the pages assume, with content that the scripted endpoint can answer."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "questions.csv").write_text(rows(HEADERS[language]), "utf-8")
    (folder / "puzzle.txt").write_text("h1. a pet\nh2. frozen water\nv1. to act\nv2. also\n", "utf-8")
    puzzles = [f"{rank},{rank % 5 + 1} 4 6 8,90%,1.0,2.0,90%" for rank in range(1, 1005)]
    header = "Rank,Puzzles,AMT (s),Solved rate,1-sigma Mean (s),1-sigma STD (s)"
    (folder / "24.csv").write_text("\n".join([header, *puzzles]) + "\n", "utf-8")
    talk = [
        {"role": "user", "content": "Tom has 3 pens and buys 4. How many now?"},
        {"role": "assistant", "content": "7"},
    ]
    lines = [json.dumps({"messages": talk})] * 64
    (folder / "conversations.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    (folder / "scripts").symlink_to(ROOT / "scripts")
    (folder / "examples").symlink_to(ROOT / "examples")


def environment(folder: Path, endpoint: str, language: str) -> dict[str, str]:
    return {
        **os.environ, "OPENAI_API_KEY": "key", "OPENAI_BASE_URL": endpoint, "JIELONG_LANG": language,
        "JIELONG_HOME": str(folder / "home"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }  # fmt: skip


def run(command: list[str], folder: Path, variables: dict[str, str], where: str) -> None:
    process = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=folder, env=variables, stdin=subprocess.DEVNULL
    )
    assert process.returncode == 0, f"{where}: {command[-1]}\n{process.stdout}{process.stderr}"


@contextmanager
def in_background(command: str, folder: Path, variables: dict[str, str]) -> Iterator[None]:
    """A server runs while the rest of its page does."""
    process = subprocess.Popen(
        ["bash", "-c", f"exec env {command}"],
        cwd=folder,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    port = int(command.rpartition(" ")[2])
    try:
        while process.poll() is None:
            with socket.socket() as connection:
                if connection.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        assert process.poll() is None, f"{command}\n{process.communicate()[0].decode()}"
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def replaced(text: str, port: int) -> str:
    """The commercial endpoints and the usual port, replaced by what the test has; searches get small budgets.

    `improve` runs in full on the page of the first result, and elsewhere dry.
    """
    text = re.sub(r"--budget-calls \d+", "--budget-calls 120", text)
    text = re.sub(r"\bcalls=\d{3,}", "calls=120", text)
    text = f"{text} --dry-run" if "jielong improve " in text else text
    return text.replace("deepseek:", "openai:").replace(SERVED, f"127.0.0.1:{port}")


@pytest.mark.parametrize("page", RUN_PAGES, ids=lambda page: page.name)
def test_the_snippets_of_a_page_run(page: Path, tmp_path: Path):
    blocks = [s for s in snippets(page) if s.language in ("python", "sh", "toml") and not s.not_run]
    if not any(s.language in ("python", "sh") for s in blocks):
        pytest.skip("no snippets")
    if page.name.startswith("training") and not find_spec("torch"):
        pytest.skip("needs the extra train")
    language = "zh" if ".zh" in page.name else "en"
    prepare(tmp_path / "work", language)
    with Endpoint(tutor) as endpoint:
        _run_blocks(blocks, tmp_path / "work", environment(tmp_path, endpoint.url, language))


def _run_blocks(blocks: list[Snippet], folder: Path, variables: dict[str, str]) -> None:
    port = free_port()
    with ExitStack() as servers:
        for snippet in blocks:
            where = f"{snippet.page}:{snippet.line}"
            if snippet.file_name:
                (folder / snippet.file_name).write_text(snippet.text, "utf-8")
            elif snippet.language == "python":
                run([sys.executable, "-c", replaced(snippet.text, port)], folder, variables, where)
            for command in snippet.commands if snippet.language == "sh" else ():
                if "jielong serve" in command:
                    servers.enter_context(in_background(f"{command} --port {port}", folder, variables))
                else:
                    run(["bash", "-euo", "pipefail", "-c", replaced(command, port)], folder, variables, where)


def test_the_pages_are_found():
    assert DOCS / "index.md" in pages()
    assert len(RUN_PAGES) > 10
