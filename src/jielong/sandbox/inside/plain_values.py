"""Values as bytes and back, between a program that is judged and the tests that judge it.

Only plain values of exactly these types cross: None, bool, int, float, complex, str, bytes, bytearray, list, tuple,
set, frozenset, dict, a few of the standard library, and builtins by name. Everything else stays where it is and crosses
as a number (`refer`, `resolve`). Reading runs no code of the other side, and size and depth are bounded. It runs inside
the sandbox, where starting is most of the time, so it imports nothing.
"""

from __future__ import annotations

import builtins
import sys

TYPE_CHECKING = False  # importing typing would be half of a start
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MOST_BYTES, MOST_DEPTH = 8_000_000, 100
_SEQUENCES: dict[Any, bytes] = {list: b"l", tuple: b"u", set: b"e", frozenset: b"z"}
_BUILD: dict[int, Callable[[list[Any]], Any]] = {ord(mark): kind for kind, mark in _SEQUENCES.items()}
_CONSTANTS = {None: b"n", True: b"t", False: b"f"}
_STANDARD: dict[str, Callable[[Any], tuple[Any, ...]]] = {
    "builtins range": lambda v: (v.start, v.stop, v.step),
    "collections deque": lambda v: (list(v), v.maxlen),
    "decimal Decimal": lambda v: (str(v),),
    "fractions Fraction": lambda v: (v.numerator, v.denominator),
    "datetime date": lambda v: (v.year, v.month, v.day),
    "datetime datetime": lambda v: (v.year, v.month, v.day, v.hour, v.minute, v.second, v.microsecond),
    "datetime timedelta": lambda v: (v.days, v.seconds, v.microseconds),
}


def encode(value: object, refer: Callable[[Any], bytes]) -> bytes:
    """`refer` gives the mark and number of what is not plain. Raises ValueError beyond the bounds."""
    parts: list[bytes] = []
    _put(value, refer, parts, [MOST_BYTES], 0)
    return b"".join(parts)


def _put(value: Any, refer: Callable[[Any], bytes], parts: list[bytes], left: list[int], depth: int) -> None:
    kind = type(value)
    members: list[Any] = []
    if value is None or kind is bool:
        part = _CONSTANTS[value]
    elif kind is int:
        part = b"i%x;" % value if value >= 0 else b"i-%x;" % -value
    elif kind is float:
        part = b"d%s;" % repr(value).encode()
    elif kind is str:
        text = value.encode("utf-8", "surrogatepass")
        part = b"s%x;%s" % (len(text), text)
    elif kind is bytes or kind is bytearray:
        part = b"%s%x;%s" % (b"b" if kind is bytes else b"a", len(value), value)
    elif kind is complex:
        part, members = b"c", [value.real, value.imag]
    elif kind in _SEQUENCES:
        part, members = b"%s%x;" % (_SEQUENCES[kind], len(value)), list(value)
    elif kind is dict:
        part, members = b"m%x;" % len(value), [each for pair in value.items() for each in pair]
    elif (name := _standard_name(kind)) and getattr(value, "tzinfo", None) is None:
        part, members = b"o", [name, _STANDARD[name](value)]
    elif getattr(builtins, str(getattr(value, "__name__", "")), builtins) is value:
        part, members = b"y", [value.__name__]
    else:
        part = refer(value)
    left[0] -= len(part)
    if left[0] < 0 or depth > MOST_DEPTH:
        raise ValueError("a value is too large or too deep to be compared")
    parts.append(part)
    for member in members:
        _put(member, refer, parts, left, depth + 1)


def _standard_name(kind: type) -> str | None:
    name = f"{kind.__module__} {kind.__qualname__}"
    return (
        name if name in _STANDARD and getattr(sys.modules.get(kind.__module__), kind.__name__, None) is kind else None
    )


def decode(data: bytes, resolve: Callable[[int, int], Any]) -> Any:
    """`resolve` gets the mark and number of what was not plain. Raises ValueError on what `encode` does not write."""
    try:
        value, end = _take(data, 0, resolve, 0)
    except (IndexError, TypeError, OverflowError, ArithmeticError, RecursionError, AttributeError) as error:
        raise ValueError(f"no plain value: {error}") from None
    if end != len(data):
        raise ValueError("no plain value: something follows it")
    return value


def _take(data: bytes, at: int, resolve: Callable[[int, int], Any], depth: int) -> tuple[Any, int]:
    mark, at = data[at], at + 1
    if depth > MOST_DEPTH + 2:
        raise ValueError("too deep")
    if mark in b"ntf":
        return {110: None, 116: True, 102: False}[mark], at
    if mark in b"coy":
        return _take_built(mark, data, at, resolve, depth)
    end = data.index(b";", at)
    text, at = data[at:end], end + 1
    if mark in b"id":
        return (int(text, 16) if mark == 105 else float(text)), at
    number = int(text, 16)
    if number < 0 or (mark in b"sbaluezm" and number > len(data) - at):
        raise ValueError("a length beyond the end")
    if mark in b"sba":
        piece = data[at : at + number]
        at += number
        return (
            piece.decode("utf-8", "surrogatepass") if mark == 115 else bytearray(piece) if mark == 97 else piece
        ), at
    if mark not in b"luezm":
        return resolve(mark, number), at
    members = []
    for _ in range(number * 2 if mark == 109 else number):
        member, at = _take(data, at, resolve, depth + 1)
        members.append(member)
    return (dict(zip(members[::2], members[1::2], strict=True)) if mark == 109 else _BUILD[mark](members)), at


def _take_built(mark: int, data: bytes, at: int, resolve: Callable[[int, int], Any], depth: int) -> tuple[Any, int]:
    first, at = _take(data, at, resolve, depth + 1)
    if mark == ord("y"):
        return getattr(builtins, first), at
    second, at = _take(data, at, resolve, depth + 1)
    if mark == ord("c"):
        return complex(first, second), at
    if first not in _STANDARD:
        raise ValueError(f"{first} is no plain type")
    module, _, name = first.partition(" ")
    return getattr(__import__(module), name)(*second), at
