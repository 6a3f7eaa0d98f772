"""What travels with a call: one frozen value in the one ContextVar of this package.

Tasks inherit it, as they inherit every context variable; `with context.replace(listener=…):` changes it for a block.
The path identifies a sample: each `gather` index, the number of each further call outside it (`+1`), the name of the
option that a model came in by and, beneath the first of these, the name of each technique that calls models. At the
root it is empty, and the caller's own seed is the sample's.
"""

from __future__ import annotations

import dataclasses
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict, Unpack

if TYPE_CHECKING:
    from .events import Listener
    from .lifetime import Lifetime
    from .runtime.budget import BudgetState
    from .runtime.ledger import ActiveRun
    from .runtime.runtime import Runtime
    from .scope import Observer, Scope

Path: TypeAlias = tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class CallContext:
    """The surroundings of a call."""

    path: Path = ()
    listener: Listener | None = None
    scope: Scope | None = None
    budgets: tuple[BudgetState, ...] = ()
    active_run: ActiveRun | None = None
    observer: Observer | None = None
    max_concurrency: int = 64  # the most calls at once that the user wants, for each endpoint
    open_loop: bool = False  # calls go out at once or not at all, and once: nothing waits for a turn or tries again
    runtime: Runtime | None = None  # None: the one of this process
    lifetime: Lifetime | None = None  # the nearest block at whose end things are closed


class Changes(TypedDict, total=False):
    """The fields of `CallContext`, each of them optional."""

    path: Path
    listener: Listener | None
    scope: Scope | None
    budgets: tuple[BudgetState, ...]
    active_run: ActiveRun | None
    observer: Observer | None
    max_concurrency: int
    open_loop: bool
    runtime: Runtime | None
    lifetime: Lifetime | None


_context: ContextVar[CallContext] = ContextVar("jielong", default=CallContext())  # noqa: B039  # frozen


def current() -> CallContext:
    return _context.get()


class replace:
    """Inside the block, the context differs by these fields: `with context.replace(listener=None):`."""

    __slots__ = ("_after", "_before", "_changes")

    def __init__(self, **changes: Unpack[Changes]) -> None:
        self._changes = changes

    def __enter__(self) -> CallContext:
        self._before = _context.get()
        self._after = dataclasses.replace(self._before, **self._changes)
        _context.set(self._after)
        return self._after

    def __exit__(self, *error: object) -> None:
        now = _context.get()
        if now is self._after:
            _context.set(self._before)
            return
        # Blocks that do not nest: a generator that is closed later, maybe by another task. Each takes back its own
        # fields alone, and only where they are still its own.
        undone: dict[str, Any] = {
            name: getattr(self._before, name) for name, value in self._changes.items() if getattr(now, name) is value
        }
        _context.set(dataclasses.replace(now, **undone))


def sub_path(*parts: int | str) -> replace:
    """Inside the block, samples are identified by a path that is longer by `parts`."""
    return replace(path=(*_context.get().path, *parts))
