"""Writes the list of attacks into docs/security.md and docs/security.zh.md, from the tests in tests/attacks.

python scripts/attack_list.py            # write; with --check, exit 1 if a page is out of date
"""

import html
import sys
from itertools import groupby
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BEGIN, END = "<!-- attacks: python scripts/attack_list.py -->\n", "<!-- end of attacks -->\n"
PAGES = {
    "security.md": ("| Test | cases |", "In all"),
    "security.zh.md": ("| 测试（英文） | 情形 |", "合计"),
}


class Collected:
    """A pytest plugin that keeps what was collected."""

    def __init__(self) -> None:
        self.tests: list[pytest.Function] = []

    def pytest_collection_modifyitems(self, items: list[pytest.Function]) -> None:
        self.tests = list(items)


def attacks() -> list[tuple[str, str, list[str]]]:
    """File, test as a sentence, and the attacks that it is run with; a test without parameters is one attack."""
    collected = Collected()
    options = [
        "-o",
        "addopts=--import-mode=importlib",
        "--collect-only",
        "-n0",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:terminal",
        "--rootdir",
        str(ROOT),
    ]
    code = pytest.main([*options, str(ROOT / "tests" / "attacks")], plugins=[collected])
    assert code == 0, f"collecting the attacks failed: {code!r}"
    rows = []
    for (file, name), tests in groupby(collected.tests, key=lambda test: (test.path.name, test.originalname)):
        ids = [test.callspec.id for test in tests if hasattr(test, "callspec")]
        rows.append((file, name.removeprefix("test_").replace("_", " "), ids))
    return rows


def listed(head: str, total: str, rows: list[tuple[str, str, list[str]]]) -> str:
    lines = [head, "|---|---|"]
    for file, tests in groupby(rows, key=lambda row: row[0]):
        lines.append(f"| **`tests/attacks/{file}`** | |")
        for _, sentence, ids in tests:
            names = "; ".join(html.escape(i).replace("|", "&#124;").replace("\n", " ") for i in ids)
            details = f"<details><summary>{sentence}</summary><small>{names}</small></details>" if ids else sentence
            lines.append(f"| {details} | {len(ids) or 1} |")
    lines.append(f"| **{total}** | **{sum(len(ids) or 1 for *_, ids in rows)}** |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    rows, outdated = attacks(), []
    for name, words in PAGES.items():
        page = ROOT / "docs" / name
        text = page.read_text("utf-8")
        before, after = text.partition(BEGIN)[0], text.partition(END)[2]
        updated = f"{before}{BEGIN}\n{listed(*words, rows)}\n{END}{after}"
        if updated != text:
            outdated.append(name)
            if "--check" not in arguments:
                page.write_text(updated, "utf-8")
    if outdated and "--check" in arguments:
        print(f"out of date: {', '.join(outdated)}; run python scripts/attack_list.py")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
