"""Scopes count what is spent inside them; an observer, where there is one, sees their tree grow.

Usage is read from a scope once all tasks beneath it have ended, never added up from replies: so calls that failed or
were cut off count, too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Protocol

from . import call_context
from .contract import Reply, Request, Step, Usage
from .errors import BoundExceeded


@dataclass(frozen=True, slots=True)
class Turn:
    """An attempt at an endpoint, in monotonic seconds: when it began to wait for its turn, had it, and ended."""

    queued: float
    began: float
    ended: float


_NOTHING = Usage()  # one for all: a large evaluation keeps many


@dataclass
class Scope:
    name: str
    parent: Scope | None
    max_calls: int | None
    kind: str = "part"  # technique, tool, item, request, …; never a text of the user's
    usage: Usage = _NOTHING
    steps: list[Step] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)  # in order of first mention
    calls_begun: int = 0
    on_charge: Callable[[], None] | None = None  # called after each call that ended inside
    text: str = ""  # for the trace alone: what a tool was given and gave
    turns: list[Turn] | None = None  # of the calls inside, where somebody wants to know what waiting took
    first_token: float | None = None  # when a streamed reply began, in monotonic seconds; kept where `turns` are

    def seconds_queued(self) -> float:
        """How long calls inside waited for their turn while none was being answered."""
        edges = [(turn.queued, 0, 1) for turn in self.turns or ()] + [(turn.began, 0, -1) for turn in self.turns or ()]
        edges += [(turn.began, 1, 1) for turn in self.turns or ()] + [(turn.ended, 1, -1) for turn in self.turns or ()]
        counts, total, last = [0, 0], 0.0, 0.0
        for at, kind, step in sorted(edges):
            if counts[0] and not counts[1]:
                total += at - last
            counts[kind] += step
            last = at
        return total


class Observer(Protocol):
    """Sees every scope and every provider call; what happens in one happens inside its block."""

    def scope(self, scope: Scope) -> AbstractContextManager[None]: ...

    def call(self, model: str, request: Request, operation: str) -> AbstractContextManager[None]: ...

    def sends(self, url: str) -> Mapping[str, str]:
        """An attempt of the call around goes out to this URL; returns the headers that go with it."""

    def answered(self, details: Mapping[str, object]) -> None:
        """What an endpoint says of its reply: `id` and `model`, where it does."""

    def replied(self, reply: Reply) -> None:
        """The reply of the call around."""

    def charged(self, usage: Usage) -> None:
        """What the call around spent, also when it failed."""

    def failed(self, error: Exception) -> None:
        """An error of the scope or call around that is reported in another way than by raising it."""


_UNOBSERVED = nullcontext()


def _scopes() -> Iterator[Scope]:
    """The scopes around, from the innermost outwards."""
    scope = call_context.current().scope
    while scope:
        yield scope
        scope = scope.parent


@contextmanager
def scope(name: str, max_calls: int | None = None, kind: str = "part", *, step: bool = True) -> Iterator[Scope]:
    """Counts everything spent inside; at its end it becomes a step of the scope around it, unless `step` is False."""
    around = call_context.current()
    inner = Scope(name, around.scope, max_calls, kind)
    try:
        with call_context.replace(scope=inner), around.observer.scope(inner) if around.observer else _UNOBSERVED:
            yield inner
    finally:
        if inner.parent and step:
            inner.parent.steps.append(Step(name, inner.usage, None, tuple(inner.steps), inner.text))


def count_call() -> None:
    """Count one provider call before it is made. Raises BoundExceeded when a technique makes more than it announced."""
    for scope in _scopes():
        scope.calls_begun += 1
        if scope.max_calls is not None and scope.calls_begun > scope.max_calls:
            made = f"made call {scope.calls_begun} and had announced at most {scope.max_calls}"
            raise BoundExceeded(f"{scope.name} {made}; its calls= is wrong")


def record_turn(queued: float, began: float, ended: float) -> None:
    """Tell the nearest scope that asks for turns of one."""
    if (scope := _timed()) and scope.turns is not None:
        scope.turns.append(Turn(queued, began, ended))


def record_first_token() -> None:
    """Tell it that the first token of a streamed reply has come, a thought as well as a word of the answer."""
    if (scope := _timed()) and scope.first_token is None:
        scope.first_token = time.monotonic()


def _timed() -> Scope | None:
    """The nearest scope that asks for turns."""
    return next((scope for scope in _scopes() if scope.turns is not None), None)


def charge(name: str, usage: Usage, call: str | None) -> None:
    """Count what one provider call spent, in every scope around it."""
    for depth, scope in enumerate(_scopes()):
        scope.usage = usage if scope.usage is _NOTHING else scope.usage + usage
        if scope.on_charge:
            scope.on_charge()
        if depth == 0:
            scope.steps.append(Step(name, usage, call))
    if observer := call_context.current().observer:
        observer.charged(usage)


def note(text: str) -> None:
    """Add a line to the report: a default that was filled in, a setting that an endpoint refuses."""
    for scope in _scopes():
        scope.notes[text] = None
