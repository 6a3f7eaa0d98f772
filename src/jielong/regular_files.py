"""Files that others named or wrote, read whole and with a limit: never a device, never a pipe that nobody fills."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from .errors import BadInput

MAX_DATA_BYTES = 4 << 30  # of data that a user measures or trains with
MAX_SETTINGS_BYTES = 64_000_000  # of settings, tokenizers, templates, scripts
_PIECE = 1 << 20
_OWN = ("/dev/stdin", "/dev/fd/", "/proc/self/fd/")  # what the shell has opened for this process may be a pipe


def read_regular_file(file: Path, longest: int = MAX_SETTINGS_BYTES) -> bytes:
    """All of it. Raises OSError where it cannot be opened, IsADirectoryError for a folder, BadInput for what is neither
    file nor folder and for what is too long."""
    descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(descriptor, "rb") as opened:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(21, "is a folder", str(file))
        if not stat.S_ISREG(status.st_mode):
            if not (str(file).startswith(_OWN) and stat.S_ISFIFO(status.st_mode)):
                raise BadInput(f"{file} is no file, but a pipe or a device; save its content to a file and name that")
            os.set_blocking(descriptor, True)
        data = _read_up_to(longest + 1, status.st_size, opened) if status.st_size <= longest else None
    if data is None or len(data) > longest:
        raise BadInput(f"{file} has more than {longest:,} bytes; expected a smaller file")
    return data


def _read_up_to(most: int, likely: int, opened: BinaryIO) -> bytes:
    """A single `read(most)` would ask for that much memory, however short the file is."""
    data = opened.read(likely + 1)
    if len(data) <= likely:
        return data
    more = bytearray(data)  # a pipe, whose size is said to be 0, or a file that grows
    while len(more) < most and (piece := opened.read(min(_PIECE, most - len(more)))):
        more += piece
    return bytes(more)


def check_regular_file(file: Path) -> None:
    """For a library that opens the file itself. Raises BadInput for what is there and is no file."""
    if file.exists() and not file.is_file():
        raise BadInput(f"{file} is no file, but a folder, a pipe or a device; move it away, or name another file")
