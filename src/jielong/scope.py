"""Where in the tree of calls we are: the path that identifies a sample, and the scopes that count what is spent.

A path holds each `gather` index, the number of each further call outside it (`+1`), the name of the option that a model
came in by and, beneath the first of these, the name of each technique that calls models. At the root it is empty, and
the caller's own seed is the sample's.

Usage is read from a scope once all tasks beneath it have ended, never added up from replies: so calls that failed or
were cut off count, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TypeAlias

from .contract import Step, Usage
from .errors import BoundExceeded

Path: TypeAlias = tuple[int | str, ...]

path: ContextVar[Path] = ContextVar("path", default=())


@dataclass
class Scope:
    name: str
    parent: Scope | None
    bound: int | None
    usage: Usage = field(default_factory=Usage)
    steps: list[Step] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)  # in order of first mention
    begun: int = 0
    watch: Callable[[], None] | None = None  # told of each call that ended inside


_current: ContextVar[Scope | None] = ContextVar("scope", default=None)


def _upwards() -> Iterator[Scope]:
    at = _current.get()
    while at:
        yield at
        at = at.parent


@contextmanager
def scope(name: str, bound: int | None = None) -> Iterator[Scope]:
    """Counts everything spent inside; at its end it becomes a step of the scope around it."""
    here = Scope(name, _current.get(), bound)
    token = _current.set(here)
    try:
        yield here
    finally:
        _current.reset(token)
        if here.parent:
            here.parent.steps.append(Step(name, here.usage, None, tuple(here.steps)))


@contextmanager
def below(*parts: int | str) -> Iterator[None]:
    """Inside, samples are named by a path that is longer by `parts`."""
    token = path.set((*path.get(), *parts))
    try:
        yield
    finally:
        path.reset(token)


def begin() -> None:
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


def note(text: str) -> None:
    """Say something that belongs into the report: a default that was filled in, a setting that an endpoint refuses."""
    for at in _upwards():
        at.notes[text] = None
