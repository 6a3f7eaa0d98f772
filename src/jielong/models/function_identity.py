"""What a Python function is, as text: its code and what it closes over; the same in every process."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any

_PLAIN = (str, bytes, int, float, bool, type(None))


def function_identity(function: Callable[..., Any]) -> str:
    """Equal for functions that do the same; unique where that cannot be told, as with an object that has a state."""
    try:
        return hashlib.sha256(_describe(function).encode()).hexdigest()
    except (_Unknown, ValueError, RecursionError):  # a cell that is still empty; a function that closes over itself
        return uuid.uuid4().hex


class _Unknown(Exception):
    """Something whose value cannot be written down."""


def _describe(value: Any) -> str:
    if isinstance(value, _PLAIN):
        return repr(value)
    if isinstance(value, tuple | list):
        return f"{type(value).__name__}({', '.join(map(_describe, value))})"
    if isinstance(value, frozenset | set):
        return f"set({', '.join(sorted(map(_describe, value)))})"
    if isinstance(value, dict):
        return f"dict({', '.join(f'{_describe(k)}: {_describe(v)}' for k, v in value.items())})"
    if isinstance(value, CodeType):
        return f"{value.co_code.hex()} {value.co_names} {value.co_varnames} {_describe(value.co_consts)}"
    if isinstance(value, FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        state = (cells, value.__defaults__ or (), value.__kwdefaults__ or {})
        return f"{value.__module__}.{value.__qualname__} {_describe(value.__code__)} {_describe(state)}"
    raise _Unknown
