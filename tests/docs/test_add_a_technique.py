"""The page on adding a technique, done as it says, in a copy of the checkout."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from docs.snippets import DOCS, ROOT, Snippet, snippets

# The Chinese page has the same blocks, which test_snippets.py sees to.
LANGUAGES = ["", ".zh"] if os.environ.get("JIELONG_FULL") == "1" else [""]
TABLE = '    "techniques": _names(\n        {\n'


class Reader:
    """Does what each block of a page says, in the folder `copy`, and keeps what the commands printed."""

    def __init__(self, copy: Path) -> None:
        self.copy = copy
        self.printed: list[str] = []
        self.environment = {
            **os.environ, "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(copy / "src"), "JIELONG_HOME": str(copy / "home"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }  # fmt: skip

    def run(self, *command: str) -> None:
        process = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=self.copy, env=self.environment
        )
        assert process.returncode == 0, f"{command}: {process.stdout}{process.stderr}"
        self.printed.append(process.stdout)

    def follow(self, snippet: Snippet) -> None:
        first_line, _, rest = snippet.text.partition("\n")
        if snippet.language == "sh":
            for command in snippet.commands:
                self.run("bash", "-c", command)
        elif match := re.fullmatch(r"# add to BUILT_IN in (\S+)", first_line):
            file = self.copy / match[1]
            text = file.read_text("utf-8")
            assert TABLE in text
            file.write_text(text.replace(TABLE, TABLE + rest), "utf-8")
        elif match := re.fullmatch(r"# add to (\S+)", first_line):
            with (self.copy / match[1]).open("a", encoding="utf-8") as file_to_extend:
                file_to_extend.write("\n" + rest)
        elif snippet.file_name:
            (self.copy / snippet.file_name).write_text(rest, "utf-8")
            if snippet.file_name == "try_it.py":
                self.run(sys.executable, snippet.file_name)


@pytest.mark.parametrize("page", [f"add_a_technique{suffix}.md" for suffix in LANGUAGES])
def test_the_page_leads_from_nothing_to_the_laws_passing(page: str, tmp_path: Path):
    for folder in ("src", "tests"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    reader = Reader(tmp_path)
    for snippet in snippets(DOCS / page):
        reader.follow(snippet)
    assert any(text.startswith("mini | reread(words=") for text in reader.printed)
    assert any("step_back(principle=none, use=none)" in text for text in reader.printed)
    match = re.search(r"(\d+) passed", next(text for text in reader.printed if "passed" in text))
    assert match
    assert int(match[1]) >= 10
