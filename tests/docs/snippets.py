"""The fenced blocks of the documentation, and how they are run.

Every block of `python` or `sh` runs as it stands, unless its fence says why it cannot: `not_run="installs torch"`.
A block whose first line is `# NAME.EXT` is the content of that file. Where a page names a commercial endpoint, the
scripted one in tutor.py answers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
FENCE = re.compile(r'^```(?P<language>\w*)(?: not_run="(?P<reason>[^"\n]+)")?\n(?P<text>.*?)^```$', re.M | re.S)
FILE_NAME = re.compile(r"(?:#|//) ([\w./-]+\.\w+)\n")


@dataclass(frozen=True)
class Snippet:
    page: str
    line: int
    language: str
    not_run: str | None
    text: str

    @property
    def file_name(self) -> str | None:
        """The file that the block is the content of, if its first line says so."""
        match = FILE_NAME.match(self.text)
        return match[1] if match else None

    @property
    def commands(self) -> list[str]:
        """The commands of a block of `sh`, those that go on after a backslash in one piece."""
        return [line for line in self.text.replace("\\\n", " ").splitlines() if line.strip()]


def pages() -> list[Path]:
    """Every page that shows snippets to users, in both languages."""
    guides = [page for page in sorted(DOCS.rglob("*.md")) if "decisions" not in page.parts and page.stem != "LOG"]
    return [ROOT / "README.md", ROOT / "README.zh.md", ROOT / "CONTRIBUTING.md", *guides]


def snippets(page: Path) -> list[Snippet]:
    text = page.read_text("utf-8")
    return [
        Snippet(
            page.relative_to(ROOT).as_posix(),
            text.count("\n", 0, match.start()) + 1,
            match["language"],
            match["reason"],
            match["text"],
        )
        for match in FENCE.finditer(text)
    ]
