"""The files of a folder that are documents: what every reader of whole folders takes."""

from __future__ import annotations

import os
from pathlib import Path


def files_below(folder: Path) -> list[Path]:
    """In order; what is hidden, what lies in a hidden folder, and what an open Word keeps beside a file, is not among
    them."""
    files: list[Path] = []
    for below, folders, names in os.walk(folder):
        folders[:] = [each for each in folders if not each.startswith(".")]
        files += [Path(below) / each for each in names if not each.startswith((".", "~$"))]
    return sorted(file for file in files if file.is_file())
