"""The answer rules on real reasoning: GSM8K, AQuA, MultiArith and the worked examples of BIG-Bench Hard.

The bounds are the rates measured when this was written, rounded down; `benchmarks/answers.py` prints the rates.
"""

import json
import re
from pathlib import Path

import anyio
import pytest

from grading import reply
from jielong.answers import RULES
from jielong.tasks.answer_equality import infer_rule, matches
from jielong.tasks.item import Item
from jielong.tasks.metric import find_metric, with_labels

DATA = Path(__file__).parents[2] / "../shared/data"
pytestmark = [pytest.mark.real, pytest.mark.skipif(not DATA.exists(), reason="the real data is not here")]


def gsm8k() -> list[tuple[str, str]]:
    lines = (DATA / "gsm8k/train.jsonl").read_text("utf-8").splitlines()
    chains = [json.loads(line)["answer"] for line in lines]
    return [(chain, chain.rpartition("####")[2].strip()) for chain in chains]


def test_every_gsm8k_answer_is_found_behind_its_mark() -> None:
    async def right() -> int:
        return sum([await matches("number", RULES["number"](chain), [gold]) for chain, gold in gsm8k()])

    assert len(gsm8k()) == 7473
    assert anyio.run(right) == 7473


def test_gsm8k_answers_are_mostly_found_without_their_mark() -> None:
    async def right() -> int:
        total = 0
        for chain, gold in gsm8k():
            reply = re.sub(r"<<[^>]*>>", "", chain.partition("####")[0])
            total += await matches("number", RULES["number"](reply), [gold])
        return total

    assert anyio.run(right) >= 0.98 * 7473  # taking the last number finds 94.9 %


def test_aqua_rationales_choose_the_letter_that_is_right_or_none() -> None:
    rows = [json.loads(line) for line in (DATA / "aqua_multiarith/AQuA-data/AQuA.json").read_text("utf-8").splitlines()]
    found = [RULES["choice"](row["rationale"]) for row in rows]
    right = sum(letter == row["correct"] for letter, row in zip(found, rows, strict=True))
    none = found.count(None)
    assert len(rows) == 254
    assert right >= 237
    assert len(rows) - right - none <= 4  # the rationale itself is wrong, or names two letters


def test_multiarith_answers_written_as_decimals_are_found() -> None:
    rows = json.loads((DATA / "aqua_multiarith/MultiArith-data/MultiArith.json").read_text("utf-8"))
    for row in rows:
        solution = row["lSolutions"][0]
        reply = f"{row['sQuestion']} The equation is {row['lEquations'][0]}, so the answer is {solution}."
        assert RULES["number"](reply) == f"{solution:g}"


def test_the_worked_examples_of_bbh_are_all_read() -> None:
    read = 0
    for file in sorted((DATA / "bbh/cot-prompts").glob("*.txt")):
        for shot in re.split(r"\nQ: ", file.read_text("utf-8"))[1:]:
            said = re.search(r"answer is (.*?)\.?\s*$", shot.strip())
            if said is None:
                continue
            gold = said[1].rpartition("answer is ")[2]
            rule, _ = infer_rule([gold], choices=False, tests=False)
            reply = "Let" + shot.partition("A: Let")[2]
            assert anyio.run(matches, rule, RULES[rule](reply), [gold]), (file.name, gold)
            assert RULES["final_answer"](reply) is not None
            read += 1
    assert read == 81


def test_every_bbh_task_gets_a_rule_that_finds_its_answers() -> None:
    async def right(examples: list[dict[str, str]], rule: str) -> float:
        metric = with_labels(find_metric(rule), [example["target"] for example in examples])
        items = [(Item("", "?", (one["target"],)), reply(f"So the answer is {one['target']}.")) for one in examples]
        return sum([(await metric.score(item, answer)).value for item, answer in items])

    for file in sorted((DATA / "bbh/bbh").glob("*.json")):
        examples = json.loads(file.read_text("utf-8"))["examples"]
        rule, _ = infer_rule([example["target"] for example in examples], choices=False, tests=False)
        assert anyio.run(right, examples, rule) >= 0.99 * len(examples), (file.name, rule)
