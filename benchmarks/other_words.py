"""Word problems as other people would put them: sentences that mini's world does not have.

    python benchmarks/other_words.py FILE [--items 200] [--steps 3] [--seed 0] [--without-answers]

The chains of calculations are those of mini's world; a tenth of them, by hash, was never trained on, and all of these
are of that tenth.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from jielong.world.vocabulary import SampleRandom, fill_form
from jielong.world.word_problems import sample_problem

FORMS = {
    "product": [
        "Look at the {a} {box} of {n}: {b} {item} are in each.",
        "{n} has {a} {box}. In each of them are {b} {item}.",
    ],
    "sum": [
        "{n} has {a} {item} at home, and {m} adds {b}.",
        "There are {a} {item} on the table and {b} in the garden, and all of them belong to {n}.",
    ],
    "plus": ["And {m} has {d} more for {n}.", "{n} is given {d} more by {m}."],
    "minus": ["{d} are taken away by {m}.", "{m} gets {d} of the {item} from {n}."],
    "times": ["Before long it is {d} times as many as that.", "{m} makes all of it {d} times as large."],
    "divided": ["{d} friends share all of them equally. Look at the share of one."],
    "problem_question": [
        "So how many {item} is it then?",
        "What number of {item} will it be?",
        "How many are there after all that?",
    ],
}


class OtherWords(SampleRandom):
    """As mini's world samples sentences, but one in five is in other words."""

    def sentence(self, key: str, **values: object) -> str:
        return fill_form(self.choice(FORMS[key]), **values) if self.chance(0.2) else super().sentence(key, **values)


def problems(items: int, steps: int, seed: int) -> list[tuple[str, int]]:
    """Questions and their answers, all different."""
    rng, found = OtherWords(f"other words {seed}", "en", held_out=True), dict[str, int]()
    while len(found) < items:
        problem = sample_problem(rng, steps)
        found[problem.question] = problem.answer
    return list(found.items())


def write_problems(file: Path, items: int, steps: int, seed: int, answers: bool = True) -> Path:
    rows = [{"input": question, "answer": str(answer)} for question, answer in problems(items, steps, seed)]
    kept = rows if answers else [{"input": row["input"]} for row in rows]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in kept))
    return file


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("--items", type=int, default=200)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--without-answers", action="store_true")
    options = parser.parse_args()
    write_problems(options.file, options.items, options.steps, options.seed, not options.without_answers)


if __name__ == "__main__":
    main()
