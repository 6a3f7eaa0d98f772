"""Real files: every row is read, the gold answer scores 1 and a wrong one 0."""

import json
import random
from pathlib import Path

import anyio
import pytest

from grading import score
from jielong.sandbox import bubblewrap
from jielong.tasks.item import Item
from jielong.tasks.load_task import load_task
from jielong.tasks.metric import answer_rule

pytestmark = pytest.mark.real

FILES = {
    "gsm8k": ("gsm8k/train.jsonl", 7473, "number"),
    "aqua": ("aqua_multiarith/AQuA-data/AQuA.json", 254, "choice"),
    "multiarith": ("aqua_multiarith/MultiArith-data/MultiArith.json", 600, "number"),
    "boolq": ("boolq_dev/dev.jsonl", 3270, "yes_no"),
    "truthfulqa": ("truthfulqa/TruthfulQA.csv", 817, "choice"),
    "mmlu": ("mmlu/dev", 285, "choice"),
    "cmmlu": ("cmmlu/dev", 335, "choice"),
    "bbh booleans": ("bbh/bbh/boolean_expressions.json", 250, None),
    "bbh dates": ("bbh/bbh/date_understanding.json", 250, "choice"),
    "bbh causes": ("bbh/bbh/causal_judgement.json", 187, "yes_no"),
    "bbh arithmetic": ("bbh/bbh/multistep_arithmetic_two.json", 250, "number"),
}


def gold(item: Item, rule: str) -> str:
    return f"Let me think about it.\nThe answer is {item.accepted[0]}"


def wrong(item: Item, rule: str) -> str:
    if rule == "choice":
        letters = [chr(ord("A") + i) for i in range(max(2, len(item.choices) or 6))]
        return f"The answer is ({next(x for x in letters if x not in item.accepted[0])})"
    if rule == "yes_no":
        return "The answer is no" if item.accepted[0].lower() in ("yes", "true", "valid") else "The answer is yes"
    return "The answer is 987654.321"


@pytest.mark.parametrize("name", FILES)
def test_gold_scores_one_and_wrong_scores_nothing(name: str, data: Path):
    place, rows, rule = FILES[name]
    task = load_task(str(data / place))
    assert len(task.items) == rows
    assert task.rejected == ()
    assert rule is None or answer_rule(task.metric) == rule
    asked = random.Random(0).sample(task.items, min(200, rows))

    async def scores() -> tuple[float, float]:
        name = answer_rule(task.metric) or ""
        right = [await score(task, item, gold(item, name)) for item in asked]
        off = [await score(task, item, wrong(item, name)) for item in asked]
        return sum(right) / len(asked), sum(off) / len(asked)

    assert anyio.run(scores) == (1.0, 0.0)


@pytest.mark.skipif(bubblewrap.why_unavailable() is not None, reason=str(bubblewrap.why_unavailable()))
@pytest.mark.parametrize(("place", "n"), [("humaneval/HumanEval.jsonl", 164), ("mbpp/mbpp.jsonl", 974)])
def test_canonical_programs_pass_their_tests_in_the_sandbox(place: str, n: int, data: Path):
    task = load_task(str(data / place))
    assert len(task.items) == n
    solutions = {}
    for line in (data / place).read_text().splitlines():
        row = json.loads(line)
        solutions[str(row["task_id"])] = row.get("canonical_solution") or row["code"]
    asked = random.Random(1).sample(task.items, 40)

    async def scores() -> tuple[float, float]:
        right = [await score(task, i, f"```python\n{solutions[i.id]}\n```") for i in asked]
        off = [await score(task, i, "```python\n    return None\n```") for i in asked[:10]]
        return sum(right) / len(asked), sum(off)

    assert anyio.run(scores) == (1.0, 0.0)
