"""Inside its sandbox: runs the program that is judged, and then does with its objects what the tests ask.

It shares its process with that program, which may change all of it. So nothing that it says is a verdict: it is given
arguments and gives back values, and what was expected never comes here.
"""

from __future__ import annotations

import builtins
import os
import sys

from .plain_values import MOST_BYTES, decode, encode

TYPE_CHECKING = False  # importing typing would be half of a start
if TYPE_CHECKING:
    from typing import Any

# What an object of a class of one's own holds as the plain value that it is besides, whatever its methods say.
_AS_PLAIN: dict[type, Any] = {
    int: int.__pos__, float: float.__pos__, complex: complex.__pos__, str: str.__str__,
    bytes: lambda v: bytes.__getitem__(v, slice(None)), tuple: lambda v: tuple(tuple.__iter__(v)),
    list: lambda v: list(list.__iter__(v)), set: lambda v: set(set.__iter__(v)),
    frozenset: lambda v: frozenset(frozenset.__iter__(v)), dict: lambda v: dict(dict.items(v)),
}  # fmt: skip


class Channel:
    """Messages behind their length, one after the other, on one descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def send(self, message: bytes) -> None:
        data = memoryview(b"%08x" % len(message) + message)
        while data:
            data = data[os.write(self._descriptor, data) :]

    def receive(self) -> bytes:
        size = int(self._exactly(8), 16)
        if size > MOST_BYTES + 1000:
            raise ValueError("a message is too large")
        return self._exactly(size)

    def _exactly(self, size: int) -> bytes:
        parts = []
        while size:
            data = os.read(self._descriptor, min(size, 1 << 20))
            if not data:
                raise EOFError
            parts.append(data)
            size -= len(data)
        return b"".join(parts)


class Objects:
    """This side's objects, which the other side knows by their numbers."""

    def __init__(self) -> None:
        self._all: list[object] = []
        self._numbers: dict[int, int] = {}

    def number(self, value: object) -> int:
        if id(value) not in self._numbers:
            self._numbers[id(value)] = len(self._all)
            self._all.append(value)
        return self._numbers[id(value)]

    def __getitem__(self, number: int) -> Any:
        return self._all[number]


class Judged:
    """The program's names and objects, at the service of the tests."""

    def __init__(self, channel: Channel, names: dict[str, Any]) -> None:
        self.channel, self.names, self.objects = channel, names, Objects()

    def refer(self, value: Any) -> bytes:
        if isinstance(value, TestFunction):
            return b"g%x;" % value.number
        return b"h%x;" % self.objects.number(value)

    def resolve(self, mark: int, number: int) -> Any:
        return self.objects[number] if mark == ord("h") else TestFunction(self, number)

    def encode(self, value: object) -> bytes:
        return encode(value, self.refer)

    def serve(self) -> None:
        while True:
            message = self.channel.receive()
            self.channel.send(self.answer(message))

    def answer(self, message: bytes) -> bytes:
        try:
            what, *rest = decode(message, self.resolve)
            if what == "names":
                return self.encode(("value", {name: self.names[name] for name in rest[0] if name in self.names}, None))
            if what != "call":
                return self.encode(("value", _ask(what, *rest), None))
            function, arguments, named = rest
            before = self.encode(arguments)
            value = function(*arguments, **named)
            # A function that returns nothing may have changed what it was given; of another one it is not believed.
            after = arguments if value is None and self.encode(arguments) != before else None
            return self.encode(("value", value, after))
        except BaseException as error:
            return self.encode(self.raised(error))

    def raised(self, error: BaseException) -> tuple[Any, ...]:
        names = [kind.__name__ for kind in type(error).__mro__]
        try:
            arguments = [each if type(each) in (str, int, float, bool) else str(each) for each in error.args]
            text = str(error)
        except BaseException:
            arguments, text = [], ""
        return ("raise", names, arguments[:10], text[:2000])


class TestFunction:
    """A function of the tests that was passed to the program."""

    def __init__(self, judged: Judged, number: int) -> None:
        self._judged, self.number = judged, number

    def __call__(self, *arguments: object, **named: object) -> Any:
        judged = self._judged
        judged.channel.send(judged.encode(("back", self.number, arguments, named)))
        while True:
            message = judged.channel.receive()
            what, *rest = decode(message, judged.resolve)
            if what == "value":
                return rest[0]
            if what == "raise":
                raise getattr(builtins, rest[0], Exception)(*rest[1])
            judged.channel.send(judged.answer(message))


def _ask(what: str, value: Any, *more: Any) -> object:
    if what == "next":
        return next(value, *more) if more else next(value)
    if what == "data":
        base = next((kind for kind in type(value).__mro__ if kind in _AS_PLAIN), None)
        return None if base is None else (_AS_PLAIN[base](value),)
    if what == "exception":
        is_one = isinstance(value, type) and issubclass(value, BaseException)
        return [kind.__name__ for kind in value.__mro__] if is_one else []
    operation: Any = {
        "get": getattr, "set": setattr, "iter": iter, "len": len, "bool": bool, "str": str, "repr": repr, "int": int,
        "float": float, "item": lambda v, k: v[k], "set_item": lambda v, k, x: v.__setitem__(k, x),
    }[what]  # fmt: skip
    return operation(value, *more)


def main(program: str) -> None:
    channel = Channel(os.dup(0))
    os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    names = sys.modules["__main__"].__dict__
    judged = Judged(channel, names)
    first: tuple[Any, ...] = ("value", None, None)
    try:
        exec(compile(program, "/tmp/program.py", "exec"), names)
    except SystemExit as ending:  # a script that says that all went well; what it defined can still be asked
        if ending.code not in (None, 0):
            first = judged.raised(ending)
    except BaseException as error:
        first = judged.raised(error)
    channel.send(judged.encode(first))
    try:
        judged.serve()
    except EOFError:
        os._exit(0)
