"""What mini is trained on: conversations and plain texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["system", "tools", "user", "assistant", "tool", "text"]
USER_WEIGHT = 0.1
DECISIVE = 3.0


@dataclass(frozen=True)
class Turn:
    """`weight` is what its tokens count in the loss; `call` marks an assistant's turn that calls a tool."""

    role: Role
    text: str
    weight: float
    call: bool = False


@dataclass(frozen=True)
class Document:
    kind: str
    turns: tuple[Turn, ...]
    facts: tuple[str, ...] = ()  # what it states, by id


def user(text: str, weight: float = USER_WEIGHT) -> Turn:
    return Turn("user", text, weight)


def system(text: str) -> Turn:
    return Turn("system", text, USER_WEIGHT)


def assistant(text: str) -> Turn:
    return Turn("assistant", text, 1.0)


def decisive(text: str) -> Turn:
    """A reply of a few tokens that all hangs on: it would count for little beside the many tokens of a calculation."""
    return Turn("assistant", text, DECISIVE)


def call(text: str, weight: float = 1.0) -> Turn:
    return Turn("assistant", text, weight, call=True)


def plain(text: str) -> Turn:
    """A text of its own, in no one's mouth."""
    return Turn("text", text, 1.0)
