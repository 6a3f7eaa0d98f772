"""Learning from examples in the prompt: an operation on numbers or words, or names for groups of words.

Held out are constants, pairs of numbers, and the names that stand for words and labels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from .training_examples import Document, Turn, decisive, user
from .vocabulary import SampleRandom, bucket, data

KNOWN = (0.05, 0.5, 2.0)  # what an answer counts after no, one, or more examples: the first is anybody's guess
GROUPS = ("items", "jobs", "foods", "pets", "materials", "colours")


@dataclass(frozen=True)
class Lesson:
    """Solved examples and a question of the same kind."""

    examples: tuple[tuple[str, str], ...]
    question: str
    answer: str


def lesson(draw: SampleRandom, examples: int, kind: str = "") -> Lesson:
    """`examples` examples of one operation, all with different questions; of any kind unless told."""
    make = KINDS[kind or draw.rng.choices(list(KINDS), SHARES)[0]](draw)
    found: dict[str, str] = {}
    while len(found) <= examples:
        question, answer = make(len(found))
        found.setdefault(question, answer)
    *shown, (question, answer) = found.items()
    return Lesson(tuple(shown), question, answer)


Make = Callable[[int], tuple[str, str]]


def _constant(draw: SampleRandom) -> Make:
    """One number that is added, taken away, or multiplied by."""
    kind = draw.rng.choice([kind for kind in ("add", "add", "subtract", "times") if _constants(kind, draw.held_out)])
    k = draw.rng.choice(sorted(_constants(kind, draw.held_out)))

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


LARGEST = 15
PAIRS: dict[str, Callable[[int, int], int]] = {
    "sum": lambda a, b: a + b,
    "difference": lambda a, b: abs(a - b),
    "product": lambda a, b: a * b,
    "larger": max,
    "smaller": min,
    "left": lambda a, b: a,
    "right": lambda a, b: b,
    "sum and one": lambda a, b: a + b + 1,
    "side by side": lambda a, b: int(f"{a}{b}"),
    "swapped": lambda a, b: int(f"{b}{a}"),
}


def _pairs(draw: SampleRandom) -> Make:
    """A sign between two numbers, whose meaning only the examples tell."""
    work, sign = PAIRS[draw.rng.choice(list(PAIRS))], draw.rng.choice("@#$%&~")

    def make(i: int) -> tuple[str, str]:
        while True:
            a, b = draw.rng.randint(1, LARGEST), draw.rng.randint(1, LARGEST)
            if (bucket("pair", a, b) == 0) == draw.held_out and (i > 1 or ((a < b) == (i == 0) and a != b)):
                return f"{a} {sign} {b}", str(work(a, b))

    return make


@cache
def _constants(kind: str, held_out: bool) -> frozenset[int]:
    every = range(2, 6) if kind == "times" else range(1, 31)
    return frozenset(k for k in every if (bucket("operation", kind, k) == 0) == held_out)


WORDS: dict[str, Callable[[str, str, str], str]] = {
    "first": lambda a, b, c: a,
    "middle": lambda a, b, c: b,
    "last": lambda a, b, c: c,
    "without the first": lambda a, b, c: f"{b} {c}",
    "without the middle": lambda a, b, c: f"{a} {c}",
    "without the last": lambda a, b, c: f"{a} {b}",
    "backwards": lambda a, b, c: f"{c} {b} {a}",
    "last to the front": lambda a, b, c: f"{c} {a} {b}",
    "first twice": lambda a, b, c: f"{a} {a}",
    "last twice": lambda a, b, c: f"{c} {c}",
}


def _words(draw: SampleRandom) -> Make:
    """Words kept, left out or moved; or one word that always goes before or after."""
    fixed, invented = draw.name().text(draw.language), draw.chance(0.5)
    kind = draw.rng.choice([*WORDS, "before", "after"])
    known = [word for group in GROUPS for word in data(draw.language)["words"][group]]

    def make(_: int) -> tuple[str, str]:
        a, b, c = (name.text(draw.language) for name in draw.names(3)) if invented else draw.rng.sample(known, 3)
        if kind in WORDS:
            return f"{a} {b} {c}", WORDS[kind](a, b, c)
        return a, f"{fixed} {a}" if kind == "before" else f"{a} {fixed}"

    return make


def _labels(draw: SampleRandom) -> Make:
    groups = draw.rng.sample(GROUPS, 2)
    labels = [name.text(draw.language) for name in draw.names(2)] if draw.chance(0.7) else draw.rng.sample("ABCDXYZ", 2)

    def make(i: int) -> tuple[str, str]:
        which = i if i < 2 else draw.rng.randrange(2)  # both labels are shown
        return str(draw.rng.choice(data(draw.language)["words"][groups[which]])), labels[which]

    return make


KINDS: dict[str, Callable[[SampleRandom], Make]] = {
    "constant": _constant,
    "pairs": _pairs,
    "words": _words,
    "labels": _labels,
}
SHARES = (2, 2, 3, 3)
TAUGHT = (1, 1, 4, 4)  # what is learnt late is taught more
MOST = {"constant": 20, "pairs": 14, "words": 8, "labels": 18}  # examples of a training conversation


def listed(draw: SampleRandom, learnt: Lesson) -> str:
    """The examples and the question in one text."""
    lines = [f"{question} -> {answer}" for question, answer in learnt.examples]
    heading = draw.ask("listed")
    return "\n".join([*([heading] if heading else []), *lines, f"{learnt.question} ->"])


def taught(draw: SampleRandom) -> Document:
    """Mostly a long conversation: each answer after the first two takes the operation from what came before."""
    kind = draw.rng.choices(list(KINDS), TAUGHT)[0]
    if draw.chance(0.3):
        learnt = lesson(draw, draw.rng.choice((2, 3, 4) if draw.short else (2, 3, 4, 4, 5, 6)), kind)
        return Document("in_context", (user(listed(draw, learnt), 0.05), decisive(learnt.answer)))
    most = MOST[kind]
    learnt = lesson(draw, draw.rng.randint(most // 2, most), kind)
    turns: list[Turn] = []
    for i, (question, answer) in enumerate((*learnt.examples, (learnt.question, learnt.answer))):
        turns += [user(question, 0.0), Turn("assistant", answer, KNOWN[min(i, 2)])]
    return Document("in_context", tuple(turns))
