"""The game of 24 and its cousins: make a target from all of the numbers with + - * /, each used once.

One in ten sets of numbers is held out, by hash. Every value on the way is a whole number that is not negative.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from .training_examples import Document, assistant, user
from .vocabulary import SampleRandom, bucket, data

TARGET, LARGEST = 24, 13
Numbers = tuple[int, ...]


@dataclass(frozen=True)
class Move:
    """`a op b = value`; `left` are the numbers after it, in order."""

    a: int
    op: str
    b: int
    value: int
    left: Numbers

    @property
    def text(self) -> str:
        return f"{self.a}{self.op}{self.b}={self.value}"


def moves(numbers: Numbers) -> list[Move]:
    """All moves from here, without repetitions."""
    found: dict[tuple[int, str, int], Move] = {}
    for i, a in enumerate(numbers):
        for j, b in enumerate(numbers):
            if i == j:
                continue
            rest = tuple(n for k, n in enumerate(numbers) if k not in (i, j))
            for op, value in _results(a, b):
                found.setdefault((a, op, b), Move(a, op, b, value, tuple(sorted((*rest, value)))))
    return list(found.values())


def _results(a: int, b: int) -> Iterator[tuple[str, int]]:
    if a >= b:
        yield "+", a + b
        yield "-", a - b
        yield "*", a * b
    if b > 1 and a % b == 0:
        yield "/", a // b


@lru_cache(maxsize=200_000)
def reachable(numbers: Numbers, target: int = TARGET) -> bool:
    if len(numbers) == 1:
        return numbers[0] == target
    return any(reachable(move.left, target) for move in moves(numbers))


def puzzle(draw: SampleRandom, count: int) -> Numbers:
    """`count` numbers from which the target can be made, from the draw's side of the split."""
    while True:
        numbers = tuple(sorted(draw.rng.randint(1, LARGEST) for _ in range(count)))
        if (bucket("game", *numbers) == 0) == draw.held_out and reachable(numbers):
            return numbers


def winning(draw: SampleRandom, numbers: Numbers) -> list[Move]:
    """One way to the target."""
    path: list[Move] = []
    while len(numbers) > 1:
        good = [move for move in moves(numbers) if reachable(move.left)]
        path.append(draw.rng.choice(good))
        numbers = path[-1].left
    return path


def expression(numbers: Numbers, path: list[Move]) -> str:
    """The whole calculation as one expression."""
    made = [(n, str(n)) for n in numbers]
    for move in path:
        a = next(pair for pair in made if pair[0] == move.a)
        made.remove(a)
        b = next(pair for pair in made if pair[0] == move.b)
        made.remove(b)
        made.append((move.value, f"({a[1]}{move.op}{b[1]})"))
    return made[0][1][1:-1]


def shown(draw: SampleRandom, numbers: Numbers) -> str:
    return str(data(draw.language)["words"]["join"].join(map(str, numbers)))


def _asked(draw: SampleRandom, key: str, numbers: Numbers) -> str:
    ordered = list(numbers)
    draw.rng.shuffle(ordered)
    told = str(draw.rng.choice(data(draw.language)["game"][key]))
    return told.format(numbers=shown(draw, tuple(ordered)), target=TARGET)


def step_text(draw: SampleRandom, move: Move) -> str:
    left = data(draw.language)["game"]["left"].format(numbers=" ".join(map(str, move.left)))
    return f"{move.text} ({left})"


def solution(draw: SampleRandom, numbers: Numbers) -> str:
    path = winning(draw, numbers)
    answer = data(draw.language)["game"]["answer"].format(expression=expression(numbers, path))
    return "\n".join([*(step_text(draw, move) for move in path), answer])


PROPOSALS = 4


def played(draw: SampleRandom) -> Document:
    kind = draw.rng.choices(("whole", "propose", "proposals", "value", "direct"), (4, 1.5, 2, 4, 0.5))[0]
    if kind in ("whole", "direct"):
        numbers = puzzle(draw, draw.rng.choice((3, 4, 4, 4)))
        reply = solution(draw, numbers) if kind == "whole" else expression(numbers, winning(draw, numbers))
    else:
        numbers = position(draw)
        if kind == "value":
            reply = str(data(draw.language)["game"]["sure" if reachable(numbers) else "impossible"])
        else:
            steps = proposals(draw, numbers)[: PROPOSALS if kind == "proposals" else 1]
            reply = "\n".join(step_text(draw, move) for move in steps)
    return Document("game", (user(_asked(draw, kind, numbers), 0.02), assistant(reply)))


def proposals(draw: SampleRandom, numbers: Numbers) -> list[Move]:
    """All moves from here; those that keep the target in reach come first."""
    ordered = moves(numbers)
    draw.rng.shuffle(ordered)
    return sorted(ordered, key=lambda move: not reachable(move.left))


def position(draw: SampleRandom) -> Numbers:
    """Two to four numbers as they come up in play from a puzzle; as often lost as won."""
    numbers, wanted = puzzle(draw, 4), draw.chance(0.5)
    for _ in range(draw.rng.choice((0, 1, 1, 2, 2))):
        options = [move for move in moves(numbers) if reachable(move.left) == wanted] or moves(numbers)
        numbers = draw.rng.choice(options).left
    return numbers


def ask_whole(draw: SampleRandom, numbers: Numbers) -> str:
    return _asked(draw, "whole", numbers)
