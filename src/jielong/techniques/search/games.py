"""What a search moves over: thoughts, and the game that says how they are asked for and read.

A thought is a way of steps and the position that it leads to. Each question to the model is a request: the caller's own
with the steps so far in it, so that pictures, history and sampling settings are those of the caller, and a search
serves any task. `FreeReasoning` is the game without rules: any line may be a step, and only the model can judge it.
"""

import re
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Protocol

from ...answers import RULES
from ...contract import Request
from ...prompts import fill, prompt
from ..prompting import Words, with_question

_BULLET = re.compile(r"^\s*(?:[-*•]|\(?\d{1,2}[.):、]|step\s\d{1,2}[.:]|第\S{1,2}步[::]?)\s+", re.I)


@dataclass(frozen=True, slots=True)
class Thought:
    """`position` is all that later steps depend on: two ways to one position are one.

    `confidence` is how sure the model says it is of the last step: the surer is tried first.
    """

    steps: tuple[str, ...]
    position: Hashable
    confidence: float = 0.0


class Game(Protocol):
    """The rules of a kind of question. `request` is the caller's own."""

    goes_on: bool
    """Where no solution was found, the answer goes on from the best thought; else the question is asked plainly."""

    def begin(self, request: Request) -> Thought | None:
        """Where the search starts; None when the question is none of this game."""

    def propose(self, request: Request, thought: Thought, n: int, words: Words) -> Request:
        """The question for up to `n` next steps, a line each."""

    def follow(self, thought: Thought, line: str) -> Thought | None:
        """The thought after the step of this line; None when the line is no step that the rules allow."""

    def judge(self, request: Request, thought: Thought, words: Words) -> Request:
        """The question how good a thought is."""

    def verdict(self, text: str) -> float | None:
        """The reply to `judge` from 0, hopeless, to 1; None when it cannot be read."""

    def ended(self, thought: Thought) -> bool:
        """No step can follow."""

    def solution(self, request: Request, thought: Thought) -> str | None:
        """The answer's text if the rules show that the thought is a solution."""


class FreeReasoning:
    """Steps in plain words towards the answer of any question."""

    goes_on = True

    def begin(self, request: Request) -> Thought:
        return Thought((), ())

    def propose(self, request: Request, thought: Thought, n: int, words: Words) -> Request:
        asking = fill(prompt(request, "tree_of_thoughts", "propose", words), {"n": str(n)})
        return with_steps(request, thought, asking).side_request()

    def follow(self, thought: Thought, line: str) -> Thought | None:
        step = _BULLET.sub("", line).strip()
        if step in thought.steps or not any(map(str.isalnum, step)):
            return None
        steps = (*thought.steps, step)
        return Thought(steps, steps)

    def judge(self, request: Request, thought: Thought, words: Words) -> Request:
        return with_steps(request, thought, prompt(request, "tree_of_thoughts", "value", words)).side_request()

    def verdict(self, text: str) -> float | None:
        grade = RULES["number"](text)
        try:
            return None if grade is None else min(max(float(grade) / 10, 0.0), 1.0)
        except ValueError:
            return None

    def ended(self, thought: Thought) -> bool:
        return False

    def solution(self, request: Request, thought: Thought) -> str | None:
        return None


def with_steps(request: Request, thought: Thought, words: str) -> Request:
    """The caller's question with the steps so far and `words` below it."""
    if thought.steps:
        so_far = prompt(request, "tree_of_thoughts", "so_far")
        words = f"\n{fill(so_far, {'steps': chr(10).join(thought.steps)})}\n\n{words}"
    return with_question(request, words)
