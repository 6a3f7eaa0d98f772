"""The documents that mini is trained on: conversations and plain texts, each turn with its weight in the loss."""

from dataclasses import dataclass
from typing import Literal

Role = Literal["system", "tools", "user", "assistant", "tool", "text"]
USER_WEIGHT = 0.1
DECISIVE_WEIGHT = 3.0


@dataclass(frozen=True)
class Turn:
    """`weight` multiplies the loss of its tokens; `call` marks an assistant's turn that calls a tool.

    A turn with the role `text` is a plain text, outside any conversation. `forced` are the parts of `text`, in
    their order, that a grammar chooses when mini is used, as `{"answer": `: predicting them counts nothing.
    """

    role: Role
    text: str
    weight: float
    call: bool = False
    forced: tuple[str, ...] = ()


@dataclass(frozen=True)
class Document:
    kind: str
    turns: tuple[Turn, ...]
    facts: tuple[str, ...] = ()  # the ids of the facts that it states


def user_turn(text: str, weight: float = USER_WEIGHT) -> Turn:
    return Turn("user", text, weight)


def assistant_turn(text: str) -> Turn:
    return Turn("assistant", text, 1.0)


def decisive_turn(text: str) -> Turn:
    """A reply of a few tokens, which would count for little beside the many tokens of a calculation."""
    return Turn("assistant", text, DECISIVE_WEIGHT)
