"""How much structure a body has, counted as it comes: what it costs to read JSON hangs on that, not on its length.

8 MB in one text are read in 12 ms; 8 MB of `[],[],…` take a second and half a gigabyte. So values are counted before
anything is parsed, in the pieces that come from the network, each of them in well under a millisecond.
"""

from __future__ import annotations

import numpy as np

_NOT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")  # as int8: 1 and -1


class JsonStructure:
    """`marks` are quotes, commas and opening brackets outside texts; `depth` is that of the innermost value so far."""

    def __init__(self) -> None:
        self.marks = self.depth = 0
        self._level, self._inside, self._rest = 0, False, b""

    def add(self, piece: bytes) -> None:
        piece, self._rest = self._rest + piece, b""
        if b"\\" in piece:  # what is escaped is no quote
            piece = piece.replace(rb"\\", b"")
            if piece.endswith(b"\\"):
                piece, self._rest = piece[:-1], b"\\"
            piece = piece.replace(rb"\"", b"")
        parts = piece.split(b'"')
        outside = b"".join(parts[self._inside :: 2])
        self._inside ^= len(parts) % 2 == 0
        self.marks += len(parts) - 1 + outside.count(b",") + outside.count(b"[") + outside.count(b"{")
        brackets = np.frombuffer(outside.translate(_STEPS, _NOT_BRACKETS), np.int8)
        if len(brackets):
            levels = self._level + np.cumsum(brackets, dtype=np.int64)
            self._level, self.depth = int(levels[-1]), max(self.depth, int(levels.max()))
