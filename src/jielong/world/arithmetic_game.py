"""The game of 24 and its cousins: make a target from all of the numbers with + - * /, each used once.

One in ten sets of numbers is held out, by hash. Every value on the way is a whole number that is not negative.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations

from .names import split_bucket
from .training_examples import Document, assistant_turn, user_turn
from .vocabulary import SampleRandom, wordlists

TARGET, LARGEST_NUMBER, PROPOSALS = 24, 13, 4
Numbers = tuple[int, ...]


@dataclass(frozen=True)
class Move:
    """`a op b = value`; `remaining` are the numbers after it, sorted."""

    a: int
    op: str
    b: int
    value: int
    remaining: Numbers

    @property
    def text(self) -> str:
        return f"{self.a}{self.op}{self.b}={self.value}"


def moves(numbers: Numbers) -> list[Move]:
    """All moves from here, without repetitions."""
    distinct: dict[tuple[int, str, int], Move] = {}
    for (i, a), (j, b) in permutations(enumerate(numbers), 2):
        rest = [n for k, n in enumerate(numbers) if k not in (i, j)]
        for op, value in _results(a, b):
            distinct.setdefault((a, op, b), Move(a, op, b, value, tuple(sorted((*rest, value)))))
    return list(distinct.values())


def _results(a: int, b: int) -> Iterator[tuple[str, int]]:
    if a >= b:
        yield "+", a + b
        yield "-", a - b
        yield "*", a * b
    if b > 1 and a % b == 0:
        yield "/", a // b


@lru_cache(maxsize=200_000)
def reachable(numbers: Numbers, target: int = TARGET) -> bool:
    """Whether some sequence of moves ends with `target`."""
    if len(numbers) == 1:
        return numbers[0] == target
    return any(reachable(move.remaining, target) for move in moves(numbers))


def sample_puzzle(rng: SampleRandom, count: int) -> Numbers:
    """`count` numbers from which the target can be made, from this side of the split."""
    while True:
        numbers = tuple(sorted(rng.randint(1, LARGEST_NUMBER) for _ in range(count)))
        if (split_bucket("game", *numbers) == 0) == rng.held_out and reachable(numbers):
            return numbers


def winning_moves(rng: SampleRandom, numbers: Numbers) -> list[Move]:
    """One way to the target."""
    path: list[Move] = []
    while len(numbers) > 1:
        winning = [move for move in moves(numbers) if reachable(move.remaining)]
        path.append(rng.choice(winning))
        numbers = path[-1].remaining
    return path


def expression(numbers: Numbers, path: list[Move]) -> str:
    """The whole calculation as one expression."""
    terms = [(n, str(n)) for n in numbers]  # (value, how it is computed)
    for move in path:
        a = next(term for term in terms if term[0] == move.a)
        terms.remove(a)
        b = next(term for term in terms if term[0] == move.b)
        terms.remove(b)
        terms.append((move.value, f"({a[1]}{move.op}{b[1]})"))
    return terms[0][1][1:-1]


def game_question(rng: SampleRandom, numbers: Numbers, kind: str = "whole") -> str:
    shuffled = list(numbers)
    rng.shuffle(shuffled)
    template = str(rng.choice(wordlists(rng.language)["game"][kind]))
    return template.format(numbers=wordlists(rng.language)["words"]["join"].join(map(str, shuffled)), target=TARGET)


def step_text(rng: SampleRandom, move: Move) -> str:
    remaining = wordlists(rng.language)["game"]["remaining"].format(numbers=" ".join(map(str, move.remaining)))
    return f"{move.text} ({remaining})"


def worked_game(rng: SampleRandom, numbers: Numbers) -> str:
    path = winning_moves(rng, numbers)
    answer = wordlists(rng.language)["game"]["answer"].format(expression=expression(numbers, path))
    return "\n".join([*(step_text(rng, move) for move in path), answer])


def game_document(rng: SampleRandom) -> Document:
    kind = rng.choices(("whole", "propose", "proposals", "value", "direct"), (4, 1.5, 2, 4, 0.5))[0]
    if kind in ("whole", "direct"):
        numbers = sample_puzzle(rng, rng.choice((3, 4, 4, 4)))
        reply = worked_game(rng, numbers) if kind == "whole" else expression(numbers, winning_moves(rng, numbers))
    else:
        numbers = sample_position(rng)
        if kind == "value":
            reply = str(wordlists(rng.language)["game"]["sure" if reachable(numbers) else "impossible"])
        else:
            steps = proposals(rng, numbers)[: PROPOSALS if kind == "proposals" else 1]
            reply = "\n".join(step_text(rng, move) for move in steps)
    return Document("game", (user_turn(game_question(rng, numbers, kind), 0.02), assistant_turn(reply)))


def proposals(rng: SampleRandom, numbers: Numbers) -> list[Move]:
    """All moves from here; those that keep the target in reach come first (`sorted` is stable)."""
    shuffled = moves(numbers)
    rng.shuffle(shuffled)
    return sorted(shuffled, key=lambda move: not reachable(move.remaining))


def sample_position(rng: SampleRandom) -> Numbers:
    """Two to four numbers as they come up in play from a puzzle; as often lost as won."""
    numbers, winnable = sample_puzzle(rng, 4), rng.chance(0.5)
    for _ in range(rng.choice((0, 1, 1, 2, 2))):
        options = [move for move in moves(numbers) if reachable(move.remaining) == winnable] or moves(numbers)
        numbers = rng.choice(options).remaining
    return numbers
