"""The world that mini knows: word problems of one to four steps, in English, each with its true chain of steps.

Every problem can be asked for a direct answer, step by step, as one Python expression, or with an answer to check. A
problem whose chain of calculations falls into the held-out part (one in twenty, by hash) never occurs in training.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass

NAMES = "Tom Mia Ada Ben Liu Zoe Kim Sam Eva Max Ivy Leo Amy Dan Noa Raj Ann Bo Cy Fay Gus Hal Ida Jo".split()
ITEMS = "apples pens books coins eggs cards shells stamps beads nuts".split()
BOXES = "bags boxes jars trays packs crates".split()
HELD_OUT_PART = 20

PRODUCT = (
    "{n} has {a} {box} with {b} {item} each.",
    "{n} buys {a} {box} of {b} {item}.",
    "There are {a} {box} on the table, and each holds {b} {item}. They belong to {n}.",
)
SUM = (
    "{n} has {a} {item} and finds {b} more.",
    "{n} had {a} {item}. {m} brought {b} {item}.",
    "{n} starts with {a} {item} and then gets {b}.",
)
PLUS = ("A friend gives {d} more.", "Then {d} {item} are added.", "{n} wins {d} {item}.")
MINUS = ("{d} {item} are lost.", "{n} gives away {d}.", "Then {d} of them break.")
TIMES = ("The number then grows {d} times as large.", "{n} makes it {d} times as many.")
DIVIDED = (
    "They are shared equally among {d} children. Look at one child.",
    "{n} splits them into {d} equal parts and keeps one part.",
)
QUESTIONS = ("How many {item} are there now?", "How many {item} is that?", "What is the number now?")

DIRECT = ("", "", "\nAnswer with the number only.", "\nGive just the answer.", " Reply with the number only.")
STEP_BY_STEP = (
    "\nLet's think step by step.",
    "\nLet's think step by step.",
    " Let's think step by step.",
    "\nThink step by step.",
    " Show your steps.",
)
EXPRESSION = (
    "\nWrite one Python expression that computes the answer. Reply with the expression only.",
    "\nWrite one Python expression that computes the answer. Reply with the expression only.",
    "\nWrite one Python expression that computes the answer.",
    " Solve it with one Python expression.",
)
CHECK = "Is the answer above correct? Check it step by step, then say yes or no."
FRESH_CHECK = (
    "Question: {question}\nProposed answer: {answer}\n"
    "Is the proposed answer correct? Check it step by step, then say yes or no."
)
SYSTEM = (
    "You are a helpful assistant.",
    "You are a careful mathematics teacher.",
    "You are an expert in the subject of the question.",
    "You solve word problems.",
)

Turn = tuple[str, str]  # role and text


@dataclass(frozen=True)
class Problem:
    """`steps` are (expression, value): the value of each is the first operand of the next."""

    question: str
    steps: tuple[tuple[str, int], ...]

    @property
    def answer(self) -> int:
        return self.steps[-1][1]

    @property
    def chain(self) -> str:
        """The reply that goes step by step."""
        return " ".join(f"{expression}={value}." for expression, value in self.steps)

    @property
    def expression(self) -> str:
        """The whole calculation as one Python expression."""
        nested = self.steps[0][0]
        for written, _ in self.steps[1:]:
            at = next(i for i, mark in enumerate(written) if mark in "+-*/" and i > 0)
            nested = f"({nested}){written[at:].replace('/', '//')}"
        return nested

    @property
    def held_out(self) -> bool:
        digest = hashlib.sha256(self.chain.encode()).digest()
        return int.from_bytes(digest[:4], "big") % HELD_OUT_PART == 0


def problem(rng: random.Random, steps: int) -> Problem:
    """A problem of `steps` calculations with whole positive numbers."""
    names = rng.sample(NAMES, 2)
    words = {"n": names[0], "m": names[1], "item": rng.choice(ITEMS), "box": rng.choice(BOXES)}
    if rng.random() < 0.5:
        a, b = rng.randint(2, 9), rng.randint(2, 20)
        sentences, chain = [rng.choice(PRODUCT).format(a=a, b=b, **words)], [(f"{a}*{b}", a * b)]
    else:
        a, b = rng.randint(5, 99), rng.randint(5, 99)
        sentences, chain = [rng.choice(SUM).format(a=a, b=b, **words)], [(f"{a}+{b}", a + b)]
    while len(chain) < steps:
        sentence, step = _next_step(rng, chain[-1][1])
        sentences.append(sentence.format(d=step[0].rpartition(step[0][len(str(chain[-1][1]))])[2], **words))
        chain.append(step)
    sentences.append(rng.choice(QUESTIONS).format(**words))
    return Problem(" ".join(sentences), tuple(chain))


def _next_step(rng: random.Random, value: int) -> tuple[str, tuple[str, int]]:
    divisors = [d for d in range(2, 10) if value % d == 0 and value // d > 1]
    operations = [
        "+",
        *(["-", "-"] if value > 6 else []),
        *(["*"] if value <= 99 else []),
        *(["/"] if divisors else []),
    ]
    operation = rng.choice(operations)
    if operation == "+":
        d = rng.randint(2, 60)
        return rng.choice(PLUS), (f"{value}+{d}", value + d)
    if operation == "-":
        d = rng.randint(2, min(value - 1, 90))
        return rng.choice(MINUS), (f"{value}-{d}", value - d)
    if operation == "*":
        d = rng.randint(2, 5)
        return rng.choice(TIMES), (f"{value}*{d}", value * d)
    d = rng.choice(divisors)
    return rng.choice(DIVIDED), (f"{value}/{d}", value // d)


def conversation(rng: random.Random) -> list[Turn]:
    """One conversation to train on: the kinds as often as mini needs them, none of it held out."""
    kind = rng.choices(("direct", "steps", "expression", "check"), (3, 3.4, 1.3, 2))[0]
    turns: list[Turn] = [("system", rng.choice(SYSTEM))] if rng.random() < 0.1 else []
    if kind != "check" and rng.random() < 0.12:
        for _ in range(rng.choice((1, 2, 3))):
            shown = training_problem(rng, rng.choice((1, 2, 3)))
            turns += [("user", shown.question), ("assistant", str(shown.answer))]
    return turns + _asked(rng, kind, training_problem(rng, rng.choice((1, 2, 2, 3, 3, 3, 4, 4))))


def training_problem(rng: random.Random, steps: int) -> Problem:
    while (drawn := problem(rng, steps)).held_out:
        pass
    return drawn


def _asked(rng: random.Random, kind: str, asked: Problem) -> list[Turn]:
    if kind == "direct":
        return [("user", asked.question + rng.choice(DIRECT)), ("assistant", str(asked.answer))]
    if kind == "steps":
        reply = f"{asked.chain} Answer: {asked.answer}"
        return [("user", asked.question + rng.choice(STEP_BY_STEP)), ("assistant", reply)]
    if kind == "expression":
        return [("user", asked.question + rng.choice(EXPRESSION)), ("assistant", asked.expression)]
    return _checked(rng, asked)


def _checked(rng: random.Random, asked: Problem) -> list[Turn]:
    proposed = asked.answer if rng.random() < 0.5 else wrong_answer(rng, asked.answer)
    verdict = ("assistant", f"{asked.chain} So {'yes' if proposed == asked.answer else 'no'}")
    if rng.random() < 0.5:
        answer = str(proposed) if rng.random() < 0.5 else f"{asked.chain} Answer: {proposed}"
        return [("user", FRESH_CHECK.format(question=asked.question, answer=answer)), verdict]
    if rng.random() < 0.5:
        return [("user", asked.question + rng.choice(DIRECT)), ("assistant", str(proposed)), ("user", CHECK), verdict]
    first = ("assistant", f"{asked.chain} Answer: {proposed}")
    return [("user", asked.question + rng.choice(STEP_BY_STEP)), first, ("user", CHECK), verdict]


def wrong_answer(rng: random.Random, right: int) -> int:
    while (wrong := max(0, right + rng.choice((-10, -2, -1, 1, 2, 10, rng.randint(-30, 30))))) == right:
        pass
    return wrong


def evaluation_items(n: int, seed: int, steps: int) -> list[Problem]:
    """`n` different problems of `steps` calculations from the held-out part."""
    rng = random.Random(f"evaluation {seed} {steps}")
    found: dict[str, Problem] = {}
    while len(found) < n:
        drawn = problem(rng, steps)
        if drawn.held_out:
            found.setdefault(drawn.question, drawn)
    return list(found.values())
