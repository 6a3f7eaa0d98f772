"""Files of JSON lines that are appended to and never rewritten, as of votes: nothing that a person did is lost."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from ..atomic_write import make_folder, private_opener


def append_line(file: Path, record: Mapping[str, Any]) -> None:
    """Add one line, on the disk before this returns. Several processes may do so at once; the half line of one that
    was killed is ended first, so that it spoils no other."""
    make_folder(file.absolute().parent)
    line = json.dumps(record, ensure_ascii=False).encode() + b"\n"
    with FileLock(f"{file}.lock"):
        with open(file, "ab+", opener=private_opener) as log:
            end = log.seek(0, os.SEEK_END)
            if end and (log.seek(end - 1), log.read(1))[1] != b"\n":
                line = b"\n" + line
            log.write(line)
            log.flush()
            os.fsync(log.fileno())
