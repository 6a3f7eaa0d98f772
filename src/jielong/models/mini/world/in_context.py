"""Learning from examples in the prompt: an operation on numbers or words, or names for groups of words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from .turns import Document, Turn, assistant, user
from .words import Draw, bucket, data

GROUPS = ("items", "jobs", "foods", "pets", "materials", "colours")


@dataclass(frozen=True)
class Lesson:
    """Solved examples and a question of the same kind."""

    examples: tuple[tuple[str, str], ...]
    question: str
    answer: str


def lesson(draw: Draw, examples: int) -> Lesson:
    """`examples` examples of one operation, all with different questions."""
    make = _numbers(draw) if draw.chance(0.5) else _words(draw) if draw.chance(0.5) else _labels(draw)
    found: dict[str, str] = {}
    while len(found) <= examples:
        question, answer = make(len(found))
        found.setdefault(question, answer)
    *shown, (question, answer) = found.items()
    return Lesson(tuple(shown), question, answer)


Make = Callable[[int], tuple[str, str]]


def _numbers(draw: Draw) -> Make:
    kind = draw.rng.choice([kind for kind in ("add", "add", "subtract", "times") if _constants(kind, draw.held_out)])
    while (k := draw.rng.choice(range(2, 6) if kind == "times" else range(1, 31))) not in _constants(
        kind, draw.held_out
    ):
        pass

    def make(_: int) -> tuple[str, str]:
        if kind == "times":
            x = draw.rng.randint(2, 40)
            return str(x), str(x * k)
        if kind == "add":
            x = draw.rng.randint(1, 60)
            return str(x), str(x + k)
        x = draw.rng.randint(k, k + 60)
        return str(x), str(x - k)

    return make


@cache
def _constants(kind: str, held_out: bool) -> frozenset[int]:
    every = range(2, 6) if kind == "times" else range(1, 31)
    return frozenset(k for k in every if (bucket("operation", kind, k) == 0) == held_out)


def _words(draw: Draw) -> Make:
    kind = draw.rng.choice(("twice", "first", "last", "swap", "before", "after"))
    fixed = draw.name().text(draw.language)

    def make(_: int) -> tuple[str, str]:
        a, b = (name.text(draw.language) for name in draw.names(2))
        if kind == "twice":
            return a, f"{a} {a}"
        if kind == "before":
            return a, f"{fixed} {a}"
        if kind == "after":
            return a, f"{a} {fixed}"
        return f"{a} {b}", {"first": a, "last": b, "swap": f"{b} {a}"}[kind]

    return make


def _labels(draw: Draw) -> Make:
    groups = draw.rng.sample(GROUPS, 2)
    labels = [name.text(draw.language) for name in draw.names(2)] if draw.chance(0.7) else draw.rng.sample("ABCDXYZ", 2)

    def make(i: int) -> tuple[str, str]:
        which = i if i < 2 else draw.rng.randrange(2)  # both labels are shown
        return str(draw.rng.choice(data(draw.language)["words"][groups[which]])), labels[which]

    return make


def listed(draw: Draw, learnt: Lesson) -> str:
    """The examples and the question in one text."""
    lines = [f"{question} -> {answer}" for question, answer in learnt.examples]
    heading = draw.ask("listed")
    return "\n".join([*([heading] if heading else []), *lines, f"{learnt.question} ->"])


def taught(draw: Draw) -> Document:
    learnt = lesson(draw, draw.rng.choice((2, 3, 4) if draw.short else (2, 3, 4, 4, 5, 6)))
    if draw.chance(0.5):
        return Document("in_context", (user(listed(draw, learnt), 0.05), assistant(learnt.answer)))
    turns: list[Turn] = []
    for question, answer in learnt.examples:
        turns += [user(question, 0.0), assistant(answer)]
    return Document("in_context", (*turns, user(learnt.question, 0.0), assistant(learnt.answer)))
