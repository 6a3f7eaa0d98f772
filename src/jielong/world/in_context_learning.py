"""Learning from examples in the prompt: an operation on numbers or words, or names for groups of words.

Held out are constants, pairs of numbers, and the names that stand for words and labels.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from .names import split_bucket
from .training_examples import Document, Turn, decisive_turn, user_turn
from .vocabulary import SampleRandom, wordlists

# The loss weight of an answer after no, one, or more examples: the first can only be guessed.
ANSWER_WEIGHTS = (0.05, 0.5, 2.0)
GROUPS = ("items", "jobs", "foods", "pets", "materials", "colours")


@dataclass(frozen=True)
class Lesson:
    """Solved examples and a question of the same kind."""

    examples: tuple[tuple[str, str], ...]
    question: str
    answer: str


def sample_lesson(rng: SampleRandom, examples: int, kind: str = "") -> Lesson:
    """`examples` examples of one operation, all with different questions; of any kind where `kind` is ""."""
    generate = KINDS[kind or rng.choices(list(KINDS), SHARES)[0]](rng)
    answers: dict[str, str] = {}
    while len(answers) <= examples:
        question, answer = generate(len(answers))
        answers.setdefault(question, answer)
    *solved, (question, answer) = answers.items()
    return Lesson(tuple(solved), question, answer)


ExampleGenerator = Callable[[int], tuple[str, str]]  # the number of an example -> question, answer


def _constant(rng: SampleRandom) -> ExampleGenerator:
    """One number that is added, taken away, or multiplied by."""
    kind = rng.choice([kind for kind in ("add", "add", "subtract", "times") if _constants(kind, rng.held_out)])
    k = rng.choice(sorted(_constants(kind, rng.held_out)))

    def generate(_: int) -> tuple[str, str]:
        x = rng.randint(*{"times": (2, 40), "add": (1, 60), "subtract": (k, k + 60)}[kind])
        return str(x), str({"times": x * k, "add": x + k, "subtract": x - k}[kind])

    return generate


LARGEST_OPERAND = 15
PAIR_OPERATIONS: dict[str, Callable[[int, int], int]] = {
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


def _pairs(rng: SampleRandom) -> ExampleGenerator:
    """A sign between two numbers, whose meaning only the examples tell."""
    operation, sign = PAIR_OPERATIONS[rng.choice(list(PAIR_OPERATIONS))], rng.choice("@#$%&~")

    def generate(i: int) -> tuple[str, str]:
        while True:
            a, b = rng.randint(1, LARGEST_OPERAND), rng.randint(1, LARGEST_OPERAND)
            # a < b in the first example, a > b in the second: else "larger" and "left" could not be told apart
            if (split_bucket("pair", a, b) == 0) == rng.held_out and (i > 1 or ((a < b) == (i == 0) and a != b)):
                return f"{a} {sign} {b}", str(operation(a, b))

    return generate


@cache
def _constants(kind: str, held_out: bool) -> frozenset[int]:
    numbers = range(2, 6) if kind == "times" else range(1, 31)
    return frozenset(k for k in numbers if (split_bucket("operation", kind, k) == 0) == held_out)


WORD_OPERATIONS: dict[str, Callable[[str, str, str], str]] = {
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


def _words(rng: SampleRandom) -> ExampleGenerator:
    """Words kept, left out or moved; or one word that always goes before or after."""
    fixed, invented = rng.name().text(rng.language), rng.chance(0.5)
    kind = rng.choice([*WORD_OPERATIONS, "before", "after"])
    vocabulary = [word for group in GROUPS for word in wordlists(rng.language)["words"][group]]

    def generate(_: int) -> tuple[str, str]:
        a, b, c = (name.text(rng.language) for name in rng.names(3)) if invented else rng.sample(vocabulary, 3)
        if kind in WORD_OPERATIONS:
            return f"{a} {b} {c}", WORD_OPERATIONS[kind](a, b, c)
        return a, f"{fixed} {a}" if kind == "before" else f"{a} {fixed}"

    return generate


def _labels(rng: SampleRandom) -> ExampleGenerator:
    groups = rng.sample(GROUPS, 2)
    labels = [name.text(rng.language) for name in rng.names(2)] if rng.chance(0.7) else rng.sample("ABCDXYZ", 2)

    def generate(i: int) -> tuple[str, str]:
        group = i if i < 2 else rng.randrange(2)  # both labels are shown
        return str(rng.choice(wordlists(rng.language)["words"][groups[group]])), labels[group]

    return generate


KINDS = {"constant": _constant, "pairs": _pairs, "words": _words, "labels": _labels}
SHARES = (2, 2, 3, 3)
TRAINING_SHARES = (1, 1, 4, 4)  # the kinds that are lesson last get more of the training
MAX_EXAMPLES = {"constant": 20, "pairs": 14, "words": 8, "labels": 18}  # examples of a training conversation


def lesson_as_text(rng: SampleRandom, lesson: Lesson) -> str:
    """The examples and the question in one text."""
    lines = [f"{question} -> {answer}" for question, answer in lesson.examples]
    heading = rng.phrase("listed")
    return "\n".join([*([heading] if heading else []), *lines, f"{lesson.question} ->"])


def in_context_document(rng: SampleRandom) -> Document:
    """Mostly a long conversation: each answer after the first two takes the operation from the examples before it."""
    kind = rng.choices(list(KINDS), TRAINING_SHARES)[0]
    if rng.chance(0.3):
        lesson = sample_lesson(rng, rng.choice((2, 3, 4) if rng.short else (2, 3, 4, 4, 5, 6)), kind)
        return Document("in_context", (user_turn(lesson_as_text(rng, lesson), 0.05), decisive_turn(lesson.answer)))
    limit = MAX_EXAMPLES[kind]
    lesson = sample_lesson(rng, rng.randint(limit // 2, limit), kind)
    turns: list[Turn] = []
    for i, (question, answer) in enumerate((*lesson.examples, (lesson.question, lesson.answer))):
        turns += [user_turn(question, 0.0), Turn("assistant", answer, ANSWER_WEIGHTS[min(i, 2)])]
    return Document("in_context", tuple(turns))
