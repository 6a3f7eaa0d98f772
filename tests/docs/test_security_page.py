"""The page about security lists the attacks that are in the tests, and the tests that it names are there."""

import re
import subprocess
import sys

import pytest

from docs.snippets import DOCS, ROOT


def test_the_attacks_on_the_page_are_those_of_the_tests():
    command = [sys.executable, "scripts/attack_list.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", ["security.md", "security.zh.md"])
def test_every_named_test_is_there(page: str):
    text = (DOCS / page).read_text("utf-8").partition("<!-- attacks")[0]
    names = re.findall(r"`(test_\w+\.py)`", text)
    assert names
    assert [name for name in names if not (ROOT / "tests" / "attacks" / name).exists()] == []
    assert [path for path in re.findall(r"`((?:tests|benchmarks)/[\w/.]+)`", text) if not (ROOT / path).exists()] == []
