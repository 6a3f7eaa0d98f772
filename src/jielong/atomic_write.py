"""Files that are put in their place at once: whoever kills this process leaves the old file or the new one.

All of them are this user's alone (0600), from their first byte on: they hold prompts, answers, or what they taught.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700


def private_opener(name: str, flags: int) -> int:
    """The `opener` of `open` for files that others must not read."""
    return os.open(name, flags, PRIVATE_FILE)


def make_folder(folder: Path) -> None:
    """With those above it, if need be. The mode of one that is there is its owner's decision."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(PRIVATE_FOLDER, exist_ok=True)


@contextmanager
def temporary_beside(file: Path) -> Iterator[Path]:
    """A file to write next to `file`, whose folder is made; at the end it takes its place, and after an error it is
    gone."""
    make_folder(file.parent)
    mine = file.with_name(f".{file.name}.{os.urandom(8).hex()}")
    try:
        # Made here, exclusively: what somebody has planted under this name is not written through.
        os.close(os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE))
        yield mine
        os.replace(mine, file)
    finally:
        mine.unlink(missing_ok=True)


def unfinished(file: Path) -> list[Path]:
    """What processes are writing in its stead, or were when they were killed."""
    return list(file.parent.glob(f".{file.name}.*"))


def write_whole(file: Path, text: str) -> None:
    with temporary_beside(file) as mine:
        mine.write_text(text, "utf-8")
