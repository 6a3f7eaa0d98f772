"""A command in a real pseudo-terminal of a given width: what it writes, and keys for it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence

_CODES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x1b[=>()][B0]?|\x07")


class Terminal:
    """Use as a block; the process is ended with it."""

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str], columns: int = 80, cwd: str | None = None
    ) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        inherited = {name: value for name, value in env.items() if name not in ("COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env={**inherited, "TERM": "xterm"}, cwd=cwd,
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        os.close(theirs)
        self.raw = ""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)

    @property
    def text(self) -> str:
        """What was written, without control codes."""
        return _CODES.sub("", self.raw).replace("\r\n", "\n")

    def press(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def wait_for(self, words: str, times: int = 1, seconds: float = 20) -> str:
        """Read until `words` were written `times` times."""
        until = time.monotonic() + seconds
        while self.text.count(words) < times:
            if not self._read(until):
                raise AssertionError(f"{words!r} never came in {self.text!r}")
        return self.text

    def end(self, seconds: float = 20) -> int:
        """Read to the end; the exit status."""
        until = time.monotonic() + seconds
        while self._read(until):
            pass
        return self.process.wait(timeout=max(1.0, until - time.monotonic()))

    def _read(self, until: float) -> bool:
        if not select.select([self._ours], [], [], max(0.0, until - time.monotonic()))[0]:
            return False
        try:
            piece = os.read(self._ours, 65536)
        except OSError:  # Linux: the other side is closed
            return False
        self.raw += piece.decode("utf-8", "replace")
        return bool(piece)
