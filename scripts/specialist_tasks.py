"""Kinds of tasks that mini has not seen, as files for `jielong train specialists`: six to learn and one for nobody.

    python scripts/specialist_tasks.py OUT [--items 4000] [--test 300]     OUT/NAME.jsonl, OUT/NAME_test.jsonl

Every item is drawn by a seed; no question is in both files of a kind. `OVERLAP` in tests/training/test_specialists.py
looks for the words of these questions in mini's world, and finds none of the kinds.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable
from pathlib import Path

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ROMAN = (
    (900, "CM"),
    (500, "D"),
    (400, "CD"),
    (100, "C"),
    (90, "XC"),
    (50, "L"),
    (40, "XL"),
    (10, "X"),
    (9, "IX"),
    (5, "V"),
    (4, "IV"),
    (1, "I"),
)
Question = tuple[str, str]


def sort_numbers(rng: random.Random) -> Question:
    numbers = rng.sample(range(1, 100), rng.randint(3, 5))
    return f"Sort from small to large: {_joined(numbers)}", _joined(sorted(numbers))


def sort_downwards(rng: random.Random) -> Question:
    numbers = rng.sample(range(1, 100), rng.randint(3, 5))
    return f"Sort from large to small: {_joined(numbers)}", _joined(sorted(numbers, reverse=True))


def weekday(rng: random.Random) -> Question:
    day, days = rng.randrange(7), rng.randint(1, 99)
    return f"Today is {DAYS[day]}. Which day is it in {days} days?", DAYS[(day + days) % 7]


def count_letters(rng: random.Random) -> Question:
    letters = [rng.choice("abc") for _ in range(rng.randint(4, 10))]
    wanted = rng.choice("abc")
    return f"How often is {wanted} in: {_joined(letters)}", str(letters.count(wanted))


def roman(rng: random.Random) -> Question:
    number = rest = rng.randint(1, 999)
    text = ""
    for value, sign in ROMAN:
        text, rest = text + sign * (rest // value), rest % value
    return f"In Roman numerals: {number}", " ".join(text)


def longer(rng: random.Random) -> Question:
    """Which of two lengths in different units is longer: three labels."""
    centimetres = rng.randint(1, 9) * 100
    other = centimetres + rng.choice((0, 1, -1)) * rng.randint(1, 90)
    metres_first = rng.random() < 0.5
    first, second = (f"{centimetres // 100} m", f"{other} cm")[:: 1 if metres_first else -1]
    if other == centimetres:
        return f"Which is longer, {first} or {second}?", "same"
    return f"Which is longer, {first} or {second}?", "first" if (centimetres > other) == metres_first else "second"


def balanced(rng: random.Random) -> Question:
    """Whether brackets are closed in the order in which they were opened: two labels."""
    signs, open_ = [], list[str]()
    for _ in range(rng.randint(2, 5)):
        open_.append(rng.choice(("()", "[]")))
        signs.append(open_[-1][0])
        while open_ and rng.random() < 0.5:
            signs.append(open_.pop()[1])
    signs += [pair[1] for pair in reversed(open_)]
    if rng.random() < 0.5:
        return f"Are the brackets balanced: {_joined(signs)}", "yes"
    i = rng.randrange(len(signs))
    signs[i] = rng.choice([sign for sign in "()[]" if sign != signs[i]])
    return f"Are the brackets balanced: {_joined(signs)}", "no"


KINDS: dict[str, Callable[[random.Random], Question]] = {
    "sort": sort_numbers, "weekday": weekday, "count": count_letters, "roman": roman,
    "longer": longer, "balanced": balanced,
}  # fmt: skip
UNSEEN: dict[str, Callable[[random.Random], Question]] = {"sort_downwards": sort_downwards}


def _joined(parts: list[int] | list[str]) -> str:
    return " ".join(map(str, parts))


def questions(kind: str, count: int, seed: int = 0) -> list[Question]:
    """Different questions of a kind, as many as there are, at most `count`."""
    rng, found = random.Random(f"{kind} {seed}"), dict[str, str]()
    for _ in range(50 * count):
        question, answer = (KINDS | UNSEEN)[kind](rng)
        found.setdefault(question, answer)
        if len(found) == count:
            break
    return list(found.items())


def write(folder: Path, items: int, test: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for kind in (*KINDS, *UNSEEN):
        rows = questions(kind, items + test if kind in KINDS else test)
        held_out = min(test, len(rows) // 3) if kind in KINDS else test
        for name, part in ((f"{kind}_test", rows[:held_out]), (kind, rows[held_out:])):
            if part:
                lines = (json.dumps({"input": question, "answer": answer}) + "\n" for question, answer in part)
                (folder / f"{name}.jsonl").write_text("".join(lines))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--items", type=int, default=4000)
    parser.add_argument("--test", type=int, default=300)
    options = parser.parse_args()
    write(options.out, options.items, options.test)
