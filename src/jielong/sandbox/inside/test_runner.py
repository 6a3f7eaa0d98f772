"""Inside a sandbox of its own: runs the tests, which ask the judged program in the other one for values.

What is compared is compared here, on plain values. An object of the judged program is a `Remote`: it can be called,
read, looped over and passed back, but it is not asked whether it equals something, so no `__eq__` of it decides a test.
"""

from __future__ import annotations

import _symtable  # type: ignore[import-not-found]
import builtins
import os
import sys

from .judged_program import Channel, Objects
from .plain_values import decode, encode

TYPE_CHECKING = False  # importing typing would be half of a start
if TYPE_CHECKING:
    from typing import Any, NoReturn

PASSED, FAILED = "passed", "failed\n"
ENDED = "the program ended before it had answered"


class Judge:
    """The line to the judged program, and the one place where a verdict is written."""

    def __init__(self, channel: Channel, verdict: int) -> None:
        self._channel, self._verdict = channel, verdict
        self._functions = Objects()
        self._remotes: dict[int, Remote] = {}
        self.exceptions: dict[str, type[BaseException]] = {}

    def end(self, words: str) -> NoReturn:
        # Not by an exception: `except:` in a test would take it for one that the program raised.
        os.write(self._verdict, words.encode("utf-8", "replace")[:4000])
        os._exit(0)

    def refer(self, value: Any) -> bytes:
        if type(value) is Remote:
            return b"h%x;" % object.__getattribute__(value, "_number")
        if hasattr(value, "__next__"):
            return encode(list(value), self.refer)
        if callable(value) and not isinstance(value, type):
            return b"g%x;" % self._functions.number(value)
        raise TypeError(f"the tests passed an object of {type(value).__name__} to the program; only plain values, "
                        "functions and objects of the program itself can be passed")  # fmt: skip

    def resolve(self, mark: int, number: int) -> Any:
        if mark == ord("g"):
            return self._functions[number]
        return self._remotes.setdefault(number, Remote(self, number))

    def ask(self, *message: object) -> Any:
        self._channel.send(encode(message, self.refer))
        return self.answer(ends=message[0] == "next")

    def answer(self, arguments: tuple[Any, ...] = (), ends: bool = False) -> Any:
        while True:
            try:
                what, first, second, *rest = decode(self._channel.receive(), self.resolve)
            except (OSError, EOFError, ValueError, TypeError):
                self.end(FAILED + ENDED)
            if what == "value":
                for mine, theirs in zip(arguments, second or (), strict=False):
                    _update(mine, theirs)
                return first
            if what == "raise":
                error = self.exception(first, second, *rest)
                # From a function it would end a `map` of the tests early, as if all had held.
                if isinstance(error, StopIteration | StopAsyncIteration | GeneratorExit) and not ends:
                    error = RuntimeError(f"the program raised {type(error).__name__}")
                raise error
            self._channel.send(self._called_back(first, second, *rest))

    def call(self, function: Remote, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        self._channel.send(encode(("call", function, arguments, named), self.refer))
        return self.answer(arguments)

    def exception(self, names: list[str], arguments: list[Any], text: str) -> BaseException:
        kinds = (self.exceptions.get(name) or getattr(builtins, name, None) for name in names)
        kind = next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseException)), Exception)
        for filling in (arguments, [text]):
            try:
                return kind(*filling)
            except (TypeError, ValueError):
                continue
        return Exception(text)

    def _called_back(self, number: int, arguments: tuple[Any, ...], named: dict[str, Any]) -> bytes:
        try:
            return encode(("value", self._functions[number](*arguments, **named)), self.refer)
        except Exception as error:
            return encode(("raise", type(error).__name__, [str(each) for each in error.args]), self.refer)


class Remote:
    """An object of the judged program."""

    __slots__ = ("_judge", "_number")

    def __init__(self, judge: Judge, number: int) -> None:
        object.__setattr__(self, "_judge", judge)
        object.__setattr__(self, "_number", number)

    def __call__(self, *arguments: object, **named: object) -> Any:
        return object.__getattribute__(self, "_judge").call(self, arguments, named)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _ask(self, "get", name)

    def __setattr__(self, name: str, value: object) -> None:
        _ask(self, "set", name, value)

    def __getitem__(self, key: object) -> Any:
        return _ask(self, "item", key)

    def __setitem__(self, key: object, value: object) -> None:
        _ask(self, "set_item", key, value)

    def __iter__(self) -> Any:
        return iter(data[0]) if (data := _ask(self, "data")) else _ask(self, "iter")

    def __eq__(self, other: object) -> bool:
        mine, theirs = _data(self), _data(other)
        return self is other or (mine is not None and theirs is not None and bool(mine[0] == theirs[0]))

    def __deepcopy__(self, memo: object) -> Remote:
        return self

    def __hash__(self) -> int:
        return hash(data[0]) if (data := _data(self)) else object.__hash__(self)


def _ask(remote: Remote, what: str, *more: object) -> Any:
    return object.__getattribute__(remote, "_judge").ask(what, remote, *more)


def _data(value: object) -> tuple[Any] | None:
    """The plain value that it is, or that a remote object of a class of its own holds; None if it is no such one."""
    return _ask(value, "data") if type(value) is Remote else (value,)


def _by_data(name: str) -> Any:
    def operation(self: Remote, *others: object) -> Any:
        values = [_data(value) for value in (self, *others)]
        if any(value is None for value in values):
            return NotImplemented
        plain = [value[0] for value in values if value]
        method = getattr(type(plain[0]), name, None)
        return NotImplemented if method is None else method(*plain)

    return operation


for _what in ("next", "len", "bool", "str", "repr", "int", "float"):
    setattr(Remote, f"__{_what}__", lambda self, what=_what: _ask(self, what))
for _name in "lt le gt ge add sub mul truediv floordiv mod pow and or xor".split():
    setattr(Remote, f"__{_name}__", _by_data(f"__{_name}__"))
    if len(_name) > 2 or _name == "or":
        setattr(Remote, f"__r{_name}__", _by_data(f"__r{_name}__"))
for _name in ("index", "abs", "neg"):
    setattr(Remote, f"__{_name}__", _by_data(f"__{_name}__"))


def _update(mine: Any, theirs: Any) -> None:
    """A function that returned nothing has changed what it was given."""
    if type(mine) is not type(theirs):
        return
    if isinstance(mine, list | bytearray):
        mine[:] = theirs
    elif isinstance(mine, dict | set):
        mine.clear()
        mine.update(theirs)


def _names(source: str) -> tuple[set[str], set[str]]:
    """The global names that a source uses and does not define, and those that it defines."""
    top = _symtable.symtable(source, "<tests>", "exec")
    scopes: list[tuple[str, int]] = []
    tables = [top]
    for table in tables:
        scopes += [(name, flags >> _symtable.SCOPE_OFF & _symtable.SCOPE_MASK) for name, flags in table.symbols.items()]
        tables += table.children
    defined = {name for name, scope in scopes[: len(top.symbols)] if scope == _symtable.LOCAL}
    used = {name for name, scope in scopes if scope in (_symtable.GLOBAL_IMPLICIT, _symtable.GLOBAL_EXPLICIT)}
    return used - defined, defined


def wanted(tests: str) -> set[str]:
    """The names that the judged program has to define: never a builtin, unless it is all that the tests call."""
    used, _ = _names(tests)
    if unknown := {name for name in used if not hasattr(builtins, name)}:
        return unknown
    calls = [
        line.strip()[7:].lstrip("( ").partition("(")[0] for line in tests.splitlines() if line.startswith("assert ")
    ]
    return set(calls) & used if len(set(calls)) == 1 else set()


def run(judge: Judge, tests: str, prelude: str, entry_point: str) -> None:
    names: dict[str, Any] = {"__name__": "tests"}
    prelude = _completed(prelude)
    missing, trusted = wanted(tests), _names(prelude)[1] - {entry_point}
    if missing & trusted:
        exec(compile(prelude, "<given>", "exec"), names)
        names.pop(entry_point, None)
        missing -= trusted
    # What tests take from the standard library without importing it is this side's own, not what the program calls so.
    for module in [name for name in missing if name in sys.stdlib_module_names and f"{name}(" not in tests]:
        names[module] = __import__(module)
    test_code = compile(tests, "<tests>", "exec")
    judge.answer()  # the program has run
    values = judge.ask("names", sorted(missing - names.keys()))
    for name, value in values.items():
        if type(value) is Remote and (bases := _ask(value, "exception")):
            value = judge.exceptions[name] = type(name, (type(judge.exception(bases, [], "")),), {})
        names[name] = value
    exec(test_code, names)


def _completed(prelude: str) -> str:
    """A prompt may end in the head of a function, and need not be a program at all."""
    for text in (prelude, prelude.rstrip() + "\n    pass\n"):
        try:
            compile(text, "<given>", "exec")
        except SyntaxError:
            continue
        return text
    return ""


def _described(error: BaseException, tests: str) -> str:
    text = str(error)
    if isinstance(error, AssertionError) and not text:
        at, trace = 0, error.__traceback__
        while trace:
            at = trace.tb_lineno if trace.tb_frame.f_code.co_filename == "<tests>" else at
            trace = trace.tb_next
        text = tests.splitlines()[at - 1].strip() if at else ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def main(tests: str, prelude: str, entry_point: str) -> None:
    judge = Judge(Channel(os.dup(0)), os.dup(1))
    os.dup2(2, 1)  # what tests print is no verdict either
    try:
        run(judge, tests, prelude, entry_point)
    except BaseException as error:
        judge.end(FAILED + _described(error, tests))
    judge.end(PASSED)
