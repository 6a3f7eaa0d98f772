"""Files that are put in their place at once: whoever kills this process leaves the old file or the new one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def temporary_beside(file: Path) -> Iterator[Path]:
    """A file to write next to `file`; at the end it takes its place, and after an error it is gone."""
    mine = file.with_name(f".{file.name}.{os.getpid()}")
    try:
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
