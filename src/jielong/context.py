"""Where in the tree of calls we are: the path that identifies a sample, and the scopes that count what is spent.

A path holds each `gather` index, the number of each further call outside it (`+1`), the name of the option that a model
came in by and, beneath the first of these, the name of each technique that calls models. At the root it is empty, and
the caller's own seed is the sample's.

Usage is read from a scope once all tasks beneath it have ended, never added up from replies: so calls that failed or
were cut off count, too. An observer, where there is one, sees the tree grow: telemetry is one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from .contract import Reply, Request, Step, Usage
from .errors import BoundExceeded

Path: TypeAlias = tuple[int | str, ...]

path: ContextVar[Path] = ContextVar("path", default=())


@dataclass
class Scope:
    name: str
    parent: Scope | None
    bound: int | None
    kind: str = "part"  # what it is, in a word without a text of anybody's: technique, tool, item, …
    usage: Usage = field(default_factory=Usage)
    steps: list[Step] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)  # in order of first mention
    begun: int = 0
    watch: Callable[[], None] | None = None  # told of each call that ended inside


class Observer(Protocol):
    """Sees every scope and every provider call; what happens in one happens inside its block."""

    def scope(self, here: Scope) -> AbstractContextManager[None]: ...

    def call(self, model: str, request: Request) -> AbstractContextManager[None]: ...

    def sends(self, url: str) -> Mapping[str, str]:
        """An attempt of the call around goes out to this URL; gives the headers that go with it."""

    def answered(self, about: Mapping[str, object]) -> None:
        """What an endpoint says of its reply: `id` and `model`, where it does."""

    def replied(self, reply: Reply) -> None:
        """The reply of the call around."""

    def charged(self, usage: Usage) -> None:
        """What the call around spent, also when it failed."""

    def failed(self, error: Exception) -> None:
        """An error that the scope or call around tells in another way than by raising it."""


_current: ContextVar[Scope | None] = ContextVar("scope", default=None)
observer: ContextVar[Observer | None] = ContextVar("observer", default=None)
_UNSEEN = nullcontext()


def _upwards() -> Iterator[Scope]:
    at = _current.get()
    while at:
        yield at
        at = at.parent


@contextmanager
def scope(name: str, bound: int | None = None, kind: str = "part") -> Iterator[Scope]:
    """Counts everything spent inside; at its end it becomes a step of the scope around it."""
    here = Scope(name, _current.get(), bound, kind)
    token = _current.set(here)
    seen = observer.get()
    try:
        with seen.scope(here) if seen else _UNSEEN:
            yield here
    finally:
        _current.reset(token)
        if here.parent:
            here.parent.steps.append(Step(name, here.usage, None, tuple(here.steps)))


@contextmanager
def sub_path(*parts: int | str) -> Iterator[None]:
    """Inside, samples are named by a path that is longer by `parts`."""
    token = path.set((*path.get(), *parts))
    try:
        yield
    finally:
        path.reset(token)


def count_call() -> None:
    """Count one provider call before it is made. Raises BoundExceeded when a technique makes more than it announced."""
    for at in _upwards():
        at.begun += 1
        if at.bound is not None and at.begun > at.bound:
            raise BoundExceeded(
                f"{at.name} made call {at.begun} and had announced at most {at.bound}; its calls= is wrong"
            )


def charge(name: str, usage: Usage, call: str | None) -> None:
    """Count what one provider call spent, in every scope around it."""
    for depth, at in enumerate(_upwards()):
        at.usage += usage
        if at.watch:
            at.watch()
        if depth == 0:
            at.steps.append(Step(name, usage, call))
    if seen := observer.get():
        seen.charged(usage)


def note(text: str) -> None:
    """Say something that belongs into the report: a default that was filled in, a setting that an endpoint refuses."""
    for at in _upwards():
        at.notes[text] = None
