"""What metrics of whole texts share: the reply without its thoughts is graded, by a share, and no vote is taken."""

from __future__ import annotations

from dataclasses import dataclass

from ..answers.thoughts import answer_text
from ..contract import Reply
from .answer_equality import plain
from .metric import MAX_TOKENS, Unit


@dataclass(frozen=True)
class FreeText:
    """A metric but for its `score`."""

    name: str
    rule: None = None  # texts have no votes
    max_tokens: int = MAX_TOKENS
    unit: Unit = "share"

    def extract(self, reply: Reply) -> str | None:
        return answer_text(reply.text)

    def same(self, a: str, b: str) -> bool:
        return plain(a) == plain(b)
