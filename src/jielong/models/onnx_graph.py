"""Just enough of the ONNX format to write a model: a graph of operators as the bytes that ONNX Runtime reads.

The format is protocol buffers (onnx/onnx.proto): a message is a list of (field number, value). Weights are not copied
into the bytes; the session is told where in memory they are. Shapes are, as they must be known beforehand.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

FLOAT, INT32, INT64 = 1, 6, 7  # TensorProto.DataType
_TYPES = {np.dtype(np.float32): FLOAT, np.dtype(np.int64): INT64}
_MICROSOFT = "com.microsoft"  # operators that ONNX Runtime adds to the standard


class Graph:
    """Values go by name; `op` adds an operator and returns the names of its outputs."""

    def __init__(self) -> None:
        self.weights: dict[str, Any] = {}
        self._fields: list[tuple[int, bytes]] = []
        self._operators = 0

    def weight(self, name: str, array: Any) -> str:
        self.weights[name] = np.ascontiguousarray(array, np.float32)
        location = _message((1, "location"), (2, "memory"))
        self._fields.append((5, _tensor(name, self.weights[name], (13, location), (14, 1))))
        return name

    def shape(self, name: str, *lengths: int) -> str:
        array = np.array(lengths, np.int64)
        self._fields.append((5, _tensor(name, array, (9, array.tobytes()))))
        return name

    def input(self, name: str, kind: int, *shape: int | str) -> str:
        """A length in `shape` that has a name may differ from call to call."""
        self._fields.append((11, _value(name, kind, shape)))
        return name

    def output(self, name: str, kind: int, *shape: int | str) -> None:
        self._fields.append((12, _value(name, kind, shape)))

    def op(
        self,
        kind: str,
        *inputs: str,
        attributes: Mapping[str, int | float] | None = None,
        outputs: Sequence[str] = ("",),
        extension: bool = False,
    ) -> Any:
        """`outputs`: their names, "" for one that gets a name here. `extension`: whether ONNX Runtime added it."""
        self._operators += 1
        names = [name or f"{kind} {self._operators}.{i}" for i, name in enumerate(outputs)]
        self._fields.append((1, _message(
            *((1, name) for name in inputs),
            *((2, name) for name in names),
            (4, kind),
            *((5, _attribute(name, value)) for name, value in (attributes or {}).items()),
            (7, _MICROSOFT if extension else ""),
        )))  # fmt: skip
        return names[0] if len(names) == 1 else names

    def model(self) -> bytes:
        standard, microsoft = _message((1, ""), (2, 17)), _message((1, _MICROSOFT), (2, 1))
        return _message((1, 8), (8, standard), (8, microsoft), (7, _message((2, "graph"), *self._fields)))


def _value(name: str, kind: int, shape: Sequence[int | str]) -> bytes:
    lengths = _message(*((1, _message((2 if isinstance(n, str) else 1, n))) for n in shape))
    return _message((1, name), (2, _message((1, _message((1, kind), (2, lengths))))))


def _attribute(name: str, value: float) -> bytes:
    number = ((3, value), (20, 2)) if isinstance(value, int) else ((2, value), (20, 1))
    return _message((1, name), *number)


def _tensor(name: str, array: Any, *data: tuple[int, int | bytes]) -> bytes:
    return _message(*((1, n) for n in array.shape), (2, _TYPES[array.dtype]), (8, name), *data)


def _message(*fields: tuple[int, int | float | str | bytes]) -> bytes:
    return b"".join(_field(number, value) for number, value in fields)


def _field(number: int, value: int | float | str | bytes) -> bytes:
    if isinstance(value, float):
        return _varint(number << 3 | 5) + struct.pack("<f", value)
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(n: int) -> bytes:
    """Seven bits a byte, the lowest first; a negative number as its 64-bit complement."""
    n &= (1 << 64) - 1
    encoded = bytearray()
    while n > 127:
        encoded.append(n & 127 | 128)
        n >>= 7
    return bytes([*encoded, n])
