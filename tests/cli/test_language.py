"""What a command says is in its user's language: errors, notes and tables in English and in Chinese."""

from __future__ import annotations

import ast
import os
import string
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import jielong
from jielong import errors
from jielong.reporting.html_page import read_template
from jielong.reporting.translation import translate

SOURCE = Path(jielong.__file__).parent
CATALOGUE = tomllib.loads(read_template("messages.zh.toml"))
MESSAGES = {
    name: tomllib.loads((SOURCE / "cli" / "messages" / f"{name}.toml").read_text("utf-8")) for name in ("en", "zh")
}
API_ONLY = ("serving/request_schema.py", "serving/app.py", "serving/error_responses.py")  # clients read English


def run(language: str, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "jielong", *arguments], capture_output=True, text=True, check=False, cwd=home,
        env={**os.environ, "JIELONG_HOME": str(home), "JIELONG_LANG": language, "OPENAI_API_KEY": ""},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("command", "english", "chinese"),
    [
        ("ask hi -m minni", "unknown model 'minni'; did you mean 'mini'?", "没有名为 'minni' 的模型；是不是 'mini'？"),
        (
            "ask hi -m mini|cot(speell=x)",
            "unknown option of cot 'speell'; did you mean 'spell'?",
            "没有名为 'speell' 的选项（属于 cot）；是不是 'spell'？",
        ),
        (
            "ask hi -m mini|cot(",
            "recipe, column 10: expected option=value, found the end",
            "配方第 10 列：应为 选项=值，但配方已结束",
        ),
        (
            "ask hi -m openai:gpt-5",
            "openai:gpt-5 needs a key, and OPENAI_API_KEY is not set: export OPENAI_API_KEY=…",
            "openai:gpt-5 需要密钥，而环境变量 OPENAI_API_KEY 未设置：export OPENAI_API_KEY=…",
        ),
        (
            "eval nowhere.jsonl",
            "nowhere.jsonl: no such file; a task is a file, a folder, a built-in (mini:word_problems) or hub:ORG/NAME",
            "nowhere.jsonl：没有这个文件；任务可以是文件、文件夹、内置任务（mini:word_problems）或 hub:ORG/NAME",
        ),
        ("xyzzy", "unknown command 'xyzzy'; known: ", "没有名为 'xyzzy' 的命令；可用的有："),
        ("ask hi --max-tokens x", "'x' is not a valid integer", "'x' 不是整数。"),
        ("ask hi --lime", "No such option '--lime'.", "没有选项 '--lime'；是不是"),
        ("eval", "Missing argument 'TASK'.", "缺少参数 'TASK'。"),
        ("ledger show", "holds no calls.", "里没有调用。"),
        ("serve", "nothing to serve; name a recipe, as in: jielong serve mini", "没有要提供的模型；请给出配方"),
        ("ask hi -m mini|budget", "budget needs a limit", "budget 需要一个上限"),
    ],
)
def test_an_error_is_one_line_in_the_users_language(tmp_path: Path, command: str, english: str, chinese: str):
    for language, words in (("en", english), ("zh", chinese)):
        done = run(language, tmp_path, *command.split())
        assert done.returncode == 2
        assert words in done.stderr
        assert done.stderr.startswith("jielong: ")
        assert done.stderr.count("\n") == 1


def test_a_plan_counts_in_good_english_and_gives_its_reason_in_chinese(tmp_path: Path):
    command = "eval mini:word_problems --limit 1 --dry-run".split()
    english, chinese = (run(language, tmp_path, *command).stderr for language in ("en", "zh"))
    assert english.splitlines()[0] == (
        "word problems, three steps unless told: 1 item; answer rule number: as this task is made"
    )
    assert "1 model, at most 1 call; 1 item can detect differences of about" in english
    assert "If interrupted, run the same command again to resume." in english
    assert chinese.splitlines()[0] == "应用题，默认三步：1 题；答案规则 number：由任务本身决定"


def test_python_errors_stay_english(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("JIELONG_LANG", "zh")
    with pytest.raises(errors.UnknownName, match="unknown model"):
        jielong.load("minni")


# --- the catalogues ---------------------------------------------------------------------------------------------------


def _sentences() -> Iterator[tuple[str, str]]:
    """Each message that the source raises or notes, its values replaced by 'x'."""
    classes = {name for name, value in vars(errors).items() if isinstance(value, type)} | {"note"}
    for file in sorted(SOURCE.rglob("*.py")):
        name = file.relative_to(SOURCE).as_posix()
        for node in () if name in API_ONLY else ast.walk(ast.parse(file.read_text("utf-8"))):
            called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
            if isinstance(node, ast.Call) and called in classes and node.args:
                extra = called == "MissingExtra"
                ending = " needs an extra that is not installed: 'x'" if extra else ""
                yield from ((name, text + ending) for text in _texts(node.args[0]))


def _texts(node: ast.expr) -> list[str]:
    if isinstance(node, ast.IfExp):
        return _texts(node.body) + _texts(node.orelse)
    if isinstance(node, ast.BinOp):
        return [left + right for left in _texts(node.left) for right in _texts(node.right)]
    if isinstance(node, ast.JoinedStr):
        return ["".join(part.value if isinstance(part, ast.Constant) else "'x'" for part in node.values)]
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else ["'x'"]


def test_nearly_every_message_of_the_source_has_a_translation():
    sentences = {(name, text) for name, text in _sentences() if text.replace("'x'", "").strip(" :;,()")}
    missing = [(name, text) for name, text in sentences if translate(text, "zh") == text]
    assert len(missing) <= 0.05 * len(sentences), missing


def test_translations_use_what_the_sentence_holds():
    for key, translation in CATALOGUE.items():
        names = {name for _, name, _, _ in string.Formatter().parse(key) if name}
        used = {name for _, name, _, _ in string.Formatter().parse(translation) if name}
        assert used == names, key


def test_both_languages_of_the_command_line_have_the_same_messages():
    def keys(table: dict, prefix: str = "") -> Iterator[tuple[str, frozenset[str]]]:  # type: ignore[type-arg]
        for name, value in table.items():
            if isinstance(value, dict):
                yield from keys(value, f"{prefix}{name}.")
            else:
                yield prefix + name, frozenset(field for _, field, _, _ in string.Formatter().parse(value) if field)

    assert set(keys(MESSAGES["en"])) == set(keys(MESSAGES["zh"]))


def test_what_is_not_in_the_catalogue_stays_as_it_is():
    assert translate("openai:x answered 418: I'm a teapot", "zh") == "openai:x answered 418: I'm a teapot"
