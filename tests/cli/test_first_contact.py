"""What newcomers meet first: install hints that work, names that are nearly right, commands without arguments."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import jielong

SOURCE = Path(jielong.__file__).parents[1]
METADATA = """Metadata-Version: 2.4
Name: jielong
Version: 0.1.0
Requires-Dist: aiohttp>=3.12
Provides-Extra: local
Requires-Dist: torch>=2.6; extra == 'local'
Requires-Dist: transformers>=5.0; extra == 'local'
"""


def run(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.endswith("_API_KEY")}
    return subprocess.run(
        [sys.executable, "-m", "jielong", *arguments], capture_output=True, text=True, check=False, cwd=cwd,
        stdin=subprocess.DEVNULL, env={**clean, "JIELONG_HOME": str(cwd / "home"), "JIELONG_LANG": "en", **environment},
    )  # fmt: skip


# --- install hints ----------------------------------------------------------------------------------------------------


def hint(site: Path, direct_url: object | None, metadata: str | None = METADATA) -> list[str]:
    """The words of the install command that an installation of this kind proposes for the extra `local`."""
    if metadata is not None:
        folder = site / "jielong-0.1.0.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(metadata)
        if direct_url is not None:
            (folder / "direct_url.json").write_text(json.dumps(direct_url))
    code = "from jielong.errors import MissingExtra; print(MissingExtra('local:x', 'local'))"
    only = f"import sys; sys.path[:] = [{str(site)!r}, {str(SOURCE)!r}, *(p for p in sys.path if 'site-' not in p)]; "
    done = subprocess.run([sys.executable, "-I", "-S", "-c", only + code], capture_output=True, text=True, check=True)
    return shlex.split(done.stdout.strip().partition("not installed: ")[2])


def after_install(words: list[str]) -> list[str]:
    return words[words.index("install") + 1 :]


def test_hint_of_an_editable_checkout(tmp_path: Path):
    (tmp_path / "check out").mkdir()
    url = f"file://{tmp_path}/check%20out"
    words = hint(tmp_path / "site", {"url": url, "dir_info": {"editable": True}})
    assert after_install(words)[-2:] == ["-e", f"{tmp_path}/check out[local]"]


def test_hint_of_a_folder_that_was_installed(tmp_path: Path):
    (tmp_path / "source").mkdir()
    words = hint(tmp_path / "site", {"url": f"file://{tmp_path}/source", "dir_info": {}})
    assert after_install(words)[-1] == f"jielong[local] @ file://{tmp_path}/source"


def test_hint_of_a_wheel(tmp_path: Path):
    wheel = tmp_path / "jielong-0.1.0-py3-none-any.whl"
    wheel.write_bytes(b"")
    words = hint(tmp_path / "site", {"url": wheel.as_uri(), "archive_info": {"hash": "sha256=00"}})
    assert after_install(words)[-1] == f"jielong[local] @ {wheel.as_uri()}"


def test_hint_of_a_git_repository(tmp_path: Path):
    vcs = {"vcs": "git", "commit_id": "0123abc", "requested_revision": "main"}
    words = hint(tmp_path / "site", {"url": "https://git.example.org/jielong.git", "vcs_info": vcs})
    assert after_install(words)[-1] == "jielong[local] @ git+https://git.example.org/jielong.git@0123abc"


def test_hint_of_a_folder_of_a_git_repository(tmp_path: Path):
    vcs = {"vcs": "git", "commit_id": "0123abc"}
    url = {"url": "ssh://git@git.example.org/tools.git", "vcs_info": vcs, "subdirectory": "python"}
    expected = "jielong[local] @ git+ssh://git@git.example.org/tools.git@0123abc#subdirectory=python"
    assert after_install(hint(tmp_path / "site", url))[-1] == expected


def test_hint_of_an_archive_on_a_server(tmp_path: Path):
    url = "https://files.example.org/jielong-0.1.0-py3-none-any.whl"
    words = hint(tmp_path / "site", {"url": url, "archive_info": {}})
    assert after_install(words)[-1] == f"jielong[local] @ {url}"


@pytest.mark.parametrize("gone", ["a wheel", "a folder", "no direct_url.json"])
def test_hint_where_the_source_is_gone_names_the_libraries(tmp_path: Path, gone: str):
    url = {
        "a wheel": {"url": f"file://{tmp_path}/gone.whl", "archive_info": {}},
        "a folder": {"url": f"file://{tmp_path}/gone", "dir_info": {"editable": True}},
    }.get(gone)
    assert after_install(hint(tmp_path / "site", url))[-2:] == ["torch>=2.6", "transformers>=5.0"]


def test_hint_of_a_checkout_that_was_never_installed(tmp_path: Path):
    (tmp_path / "site").mkdir()
    assert after_install(hint(tmp_path / "site", None, metadata=None))[-2:] == ["-e", f"{SOURCE.parent}[local]"]


def test_hint_names_this_python(tmp_path: Path):
    """A `pip` that belongs to another Python would install into that one."""
    (tmp_path / "site").mkdir()
    words = hint(tmp_path / "site", None, metadata=None)
    assert words[0] in ("pip", "uv", sys.executable)
    if words[0] != "pip":
        assert sys.executable in words


def test_the_hint_is_in_the_doctor_s_table_and_in_chinese(tmp_path: Path):
    code = "import sys; sys.modules['pyarrow'] = None; sys.argv[1:] = {}; import jielong.__main__ as m; m.main()"
    env = {**os.environ, "JIELONG_HOME": str(tmp_path), "JIELONG_LANG": "zh"}
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    for arguments in (["doctor"], ["eval", f"{tmp_path}/x.parquet"]):
        command = [sys.executable, "-c", code.format(arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
        assert "install" in done.stdout + done.stderr
        assert "'jielong[data]'" not in done.stdout + done.stderr
        assert "[data]" in done.stdout + done.stderr


def test_no_hint_installs_a_name_that_is_not_published():
    for file in [*SOURCE.rglob("*.py"), *SOURCE.rglob("*.toml"), *(SOURCE.parent / "docs").rglob("*.md")]:
        for line in file.read_text("utf-8").splitlines():
            assert not ("pip install" in line and "jielong[" in line and "@" not in line), f"{file}: {line}"


# --- names that are nearly right --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "proposed"),
    [
        ("gpt-5-mini", "openai:gpt-5-mini"),
        ("gpt-4o", "openai:gpt-4o"),
        ("GPT-4.1", "openai:gpt-4.1"),
        ("o4-mini", "openai:o4-mini"),
        ("chatgpt-4o-latest", "openai:chatgpt-4o-latest"),
        ("claude-sonnet-4-5", "anthropic:claude-sonnet-4-5"),
        ("gemini-2.5-flash", "gemini:gemini-2.5-flash"),
        ("deepseek-chat", "deepseek:deepseek-chat"),
        ("qwen-max", "qwen:qwen-max"),
        ("qwen3-235b-a22b", "qwen:qwen3-235b-a22b"),
        ("glm-4.6", "glm:glm-4.6"),
        ("kimi-k2-turbo-preview", "kimi:kimi-k2-turbo-preview"),
        ("moonshot-v1-8k", "kimi:moonshot-v1-8k"),
        ("doubao-seed-1-6", "doubao:doubao-seed-1-6"),
        ("llama3.2:3b", "ollama:llama3.2:3b"),
        ("qwen3:8b", "ollama:qwen3:8b"),
        ("deepseek-r1:7b", "ollama:deepseek-r1:7b"),
        ("gpt-oss:20b", "ollama:gpt-oss:20b"),
        ("gemma3:latest", "ollama:gemma3:latest"),
        ("openai/gpt-5-mini", "openai:gpt-5-mini"),
        ("anthropic/claude-sonnet-4-5", "anthropic:claude-sonnet-4-5"),
        ("google/gemini-2.5-pro", "gemini:gemini-2.5-pro"),
        ("google:gemini-2.5-pro", "gemini:gemini-2.5-pro"),
        ("ollama/llama3", "ollama:llama3"),
        ("Qwen/Qwen3-0.6B", "local:Qwen/Qwen3-0.6B"),
        ("hf:Qwen/Qwen3-0.6B", "local:Qwen/Qwen3-0.6B"),
        ("./checkpoints/last", "local:./checkpoints/last"),
        ("/models/llama", "local:/models/llama"),
        ("~/models/llama", "local:~/models/llama"),
        ("../x", "local:../x"),
        ("here", "local:here"),
        ("replies.jsonl", "scripted:replies.jsonl"),
        ("OpenAI:gpt-5", "openai:gpt-5"),
        ("opnai:gpt-5", "openai:gpt-5"),
        ("claude:opus", "anthropic:opus"),
        ("http://127.0.0.1:8000/v1", "openai:NAME@http://127.0.0.1:8000/v1"),
        ("minni", "mini"),
        ("Mini", "mini"),
        ("local", "local:PATH"),
        ("scripted", "scripted:"),
    ],
)
def test_a_model_without_its_kind_is_proposed_with_it(tmp_path: Path, typed: str, proposed: str):
    (tmp_path / "here").mkdir()
    (tmp_path / "replies.jsonl").write_text("{}\n")
    done = run("ask", "hi", "-m", f"{typed} | cot", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert f"'{proposed}'" in done.stderr or f" {proposed}" in done.stderr, done.stderr


@pytest.mark.parametrize(
    "command",
    [
        "eval mini:word_problems -m gpt-5-mini",
        "improve mini:word_problems -m gpt-5-mini",
        "eval mini:word_problems --judge gpt-5-mini",
        "prompts search mini:word_problems -m mini --writer gpt-5-mini",
        "chat -m gpt-5-mini",
        "next hi -m gpt-5-mini",
        "serve gpt-5-mini",
        "ask hi -m mini|critique_by(model=gpt-5-mini)",
        "ask hi -m mini|best_of_n(scorer=gpt-5-mini)",
    ],
)
def test_every_verb_proposes_it(tmp_path: Path, command: str):
    done = run(*command.split(), cwd=tmp_path)
    assert done.returncode == 2
    assert "'openai:gpt-5-mini'" in done.stderr


@pytest.mark.parametrize(
    ("typed", "proposed"), [("CoT", "cot"), ("Self-Consistency", "self_consistency"), ("few-shot", "few_shot")]
)
def test_technique_names_in_another_spelling_are_proposed(tmp_path: Path, typed: str, proposed: str):
    done = run("ask", "hi", "-m", f"mini | {typed}", cwd=tmp_path)
    assert f"did you mean '{proposed}'?" in done.stderr


# --- commands alone ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("command", ["", "ledger", "train", "prompts"])
def test_a_command_with_commands_shows_its_help_when_it_stands_alone(tmp_path: Path, command: str, language: str):
    alone = run(*command.split(), cwd=tmp_path, JIELONG_LANG=language)
    help_text = run(*command.split(), "--help", cwd=tmp_path, JIELONG_LANG=language)
    assert alone.returncode == 0
    assert alone.stdout == help_text.stdout
    assert alone.stderr == ""


# --- a home that cannot be written ------------------------------------------------------------------------------------


def read_only(folder: Path, **environment: str) -> dict[str, str]:
    """A home below a file, where no user, root included, can make a folder."""
    (folder / "file").write_text("")
    return {"JIELONG_HOME": str(folder / "file" / "home"), **environment}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_doctor_works_where_its_home_cannot_be_written(tmp_path: Path, language: str):
    done = run("doctor", "--json", cwd=tmp_path, **read_only(tmp_path, JIELONG_LANG=language))
    assert done.returncode == 0, done.stderr
    checks = {check["what"]: check for check in json.loads(done.stdout)}
    assert not checks["home"]["ok"]
    assert "JIELONG_HOME" in checks["home"]["how"]
    assert checks["python"]["ok"]


def test_doctor_leaves_no_trace(tmp_path: Path):
    assert run("doctor", cwd=tmp_path).returncode == 0
    assert not (tmp_path / "home").exists()


def test_doctor_survives_a_driver_that_hangs_or_cannot_run(tmp_path: Path):
    tool = tmp_path / "nvidia-smi"
    tool.write_text("no program")
    tool.chmod(0o755)
    done = run("doctor", "--json", cwd=tmp_path, PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert done.returncode == 0, done.stderr
    assert not {check["what"]: check for check in json.loads(done.stdout)}["GPU"]["ok"]


def mounted_read_only(folder: Path) -> bool:
    done = subprocess.run(["mount", "--bind", str(folder), str(folder)], check=False, capture_output=True)
    if done.returncode:
        return False
    subprocess.run(["mount", "-o", "remount,ro,bind", str(folder)], check=True)
    return True


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounting needs root")
def test_a_read_only_home_is_said_and_its_ledger_can_still_be_read(tmp_path: Path):
    run("ask", "What is 2+2?", cwd=tmp_path)
    if not mounted_read_only(tmp_path / "home"):
        pytest.skip("nothing can be mounted here")
    try:
        checks = {c["what"]: c for c in json.loads(run("doctor", "--json", cwd=tmp_path).stdout)}
        assert not checks["home"]["ok"]
        shown = run("ledger", "show", "--json", cwd=tmp_path)
        assert shown.returncode == 0, shown.stderr
        assert len(json.loads(shown.stdout)) == 1
        assert run("ledger", "cost", cwd=tmp_path).returncode == 0
        asked = run("ask", "hi", cwd=tmp_path)
        assert asked.returncode == 2
        assert "JIELONG_HOME" in asked.stderr
    finally:
        subprocess.run(["umount", str(tmp_path / "home")], check=True)


# --- a limit that the user asked for ----------------------------------------------------------------------------------


QUESTION = "Tom has 3 bags with 4 apples each. A friend gives 5 more. How many apples are there now?"


@pytest.mark.parametrize(
    ("recipe", "options"),
    [
        ("mini | cot", ["--max-tokens", "3"]),
        ("mini | cot | options(max_tokens=3)", []),
        ("mini | cot | self_consistency(n=3)", ["--max-tokens", "3"]),
        ("mini | cot | best_of_n(n=2)", ["--max-tokens", "3"]),
        ("mini | plan_and_solve", ["--max-tokens", "3"]),
        ("mini | self_refine", ["--max-tokens", "3"]),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_what_came_is_printed_where_the_user_set_the_limit(
    tmp_path: Path, recipe: str, options: list[str], as_json: bool
):
    done = run("ask", QUESTION, "-m", recipe, *options, *(["--json"] if as_json else []), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (json.loads(done.stdout)["content"] if as_json else done.stdout).strip()
    if as_json:
        assert json.loads(done.stdout)["finish"] == "length"
    assert "cut" in done.stderr
    assert "3" in done.stderr


def test_a_limit_that_nobody_asked_for_is_still_an_error(tmp_path: Path):
    (tmp_path / "script.jsonl").write_text('{"reply": "It begins", "finish": "length"}\n')
    done = run("ask", "hi", "-m", "scripted:script.jsonl", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "It begins\n")
    assert "token limit" in done.stderr


def test_what_fits_the_limit_is_not_called_cut(tmp_path: Path):
    done = run("ask", QUESTION, "-m", "mini | cot", "--max-tokens", "200", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_text_that_is_not_utf_8_is_said(tmp_path: Path):
    command = [sys.executable, "-m", "jielong", "ask", b"caf\xe9"]
    env = {**os.environ, "JIELONG_HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, check=False, env=env)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
