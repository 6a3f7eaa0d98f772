"""Single keys from a terminal, none of them lost: the terminal is in that mode from the first to the last, and keeps
what was typed before or while the program computes."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

try:
    import termios
    import tty

    KEEPS_INPUT = True
except ImportError:  # Windows, where `click.getchar` loses nothing
    KEEPS_INPUT = False

_SECONDS_OF_A_SEQUENCE = 0.05  # the bytes of an arrow key come at once; Esc alone is followed by nothing


@contextmanager
def single_keys() -> Iterator[Callable[[], str]]:
    """Inside the block, the function waits for a key: a character, or the sequence of a key such as `\\x1b[C`."""
    if not KEEPS_INPUT:
        yield click.getchar
        return
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    tty.setcbreak(terminal, termios.TCSANOW)  # unlike TCSAFLUSH it forgets nothing that was typed
    try:
        yield lambda: _read_key(terminal)
    finally:
        termios.tcsetattr(terminal, termios.TCSANOW, before)


def _read_key(terminal: int) -> str:
    """One key; "\\x04" at the end of the input."""
    data = os.read(terminal, 1) or b"\x04"
    if data == b"\x1b":
        while select.select([terminal], [], [], _SECONDS_OF_A_SEQUENCE)[0]:
            data += os.read(terminal, 1)
            if (len(data) > 2 and 0x40 <= data[-1] <= 0x7E) or data[1:2] not in (b"[", b"O"):
                break
    while len(data) < 4 and data[0] >= 0xC0:  # the rest of a character of UTF-8
        try:
            return data.decode()
        except UnicodeDecodeError:
            data += os.read(terminal, 1)
    return data.decode("utf-8", "replace").replace("\x1bO", "\x1b[")  # some terminals write arrows this way
