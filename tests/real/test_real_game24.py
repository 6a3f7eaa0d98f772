"""The game of 24 of Yao et al. 2023: its file is a task, and the page's commands measure any endpoint on it."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import anyio
import pytest

from endpoint import Answer, Endpoint
from grading import score
from jielong.tasks.item import Item
from jielong.tasks.load_task import load_task
from jielong.tasks.task import Task

pytestmark = pytest.mark.real
DOCS = Path(__file__).parents[2] / "docs"
Made = tuple[Fraction, str]


def joined(a: Made, b: Made) -> Iterator[Made]:
    yield a[0] + b[0], f"({a[1]} + {b[1]})"
    yield a[0] - b[0], f"({a[1]} - {b[1]})"
    yield a[0] * b[0], f"({a[1]} * {b[1]})"
    if b[0]:
        yield a[0] / b[0], f"({a[1]} / {b[1]})"


def makes_24(numbers: list[Made], target: int = 24) -> str | None:
    """All ways in fractions, one of them if there is any."""
    if len(numbers) == 1:
        return numbers[0][1] if numbers[0][0] == target else None
    for i, a in enumerate(numbers):
        for j, b in enumerate(numbers):
            rest = [n for k, n in enumerate(numbers) if k not in (i, j)]
            for made in joined(a, b) if i != j else ():
                if found := makes_24([*rest, made], target):
                    return found
    return None


def gold(numbers: str, target: int = 24) -> str:
    found = makes_24([(Fraction(n), n) for n in numbers.split()], target)
    assert found, numbers
    return found[1:-1]


@pytest.fixture(scope="module")
def usual(data: Path) -> Task:
    task = load_task(str(data / "game24" / "24.csv"))
    assert (len(task.items), task.rejected) == (1362, ())
    items = [item for item in task.items if 901 <= int(item.id) <= 1000]
    assert len(items) == 100
    return replace(task, items=tuple(items))


def scored(task: Task, item: Item, text: str) -> float:
    return anyio.run(score, task, item, text)


@pytest.mark.parametrize(
    "wording", ["Answer: {}", "Answer: {} = 24", r"So \boxed{{{}}}.", "答案：{}", "**Answer:** ${}$"]
)
def test_gold_solutions_score_one(usual: Task, wording: str):
    assert [item.id for item in usual.items if scored(usual, item, wording.format(gold(item.accepted[0]))) != 1] == []


FULL = os.environ.get("JIELONG_FULL") == "1"


def other_number(numbers: str, solution: str) -> str:
    return solution.replace(numbers.split()[0], "17", 1)


MUTATIONS: dict[str, Callable[[str, str], str]] = {
    "another number": other_number,
    "a number more": lambda n, s: f"{s} + 0",
    "a factor more": lambda n, s: f"({s}) * 1",
    "a number twice": lambda n, s: f"({s}) * {n.split()[0]} / {n.split()[0]}",
    "the target itself": lambda n, s: "24",
    "a lie": lambda n, s: f"{' + '.join(n.split())} + 1 = 24",
    "another target": lambda n, s: (
        f"{gold(n, 25) if makes_24([(Fraction(d), d) for d in n.split()], 25) else '1'} = 24"
    ),
    "the numbers glued": lambda n, s: f"{n.replace(' ', '')} = 24",
    "a bracket lost": lambda n, s: s[:-1] if s.endswith(")") else f"({s}",
    "a function": lambda n, s: f"abs({s})",
    "a power": lambda n, s: f"({s}) ** 1",
    "whole division": lambda n, s: f"({s}) // 1",
    "steps alone": lambda n, s: "None",
    "nothing": lambda n, s: "",
}


@pytest.mark.parametrize("kind", MUTATIONS)
def test_mutated_solutions_score_nothing(usual: Task, kind: str):
    texts = [(item, MUTATIONS[kind](item.accepted[0], gold(item.accepted[0]))) for item in usual.items]
    assert [item.id for item, text in texts if scored(usual, item, f"Answer: {text}")] == []


def moves(numbers: list[int]) -> Iterator[tuple[str, list[int]]]:
    for i, a in enumerate(numbers):
        for j, b in enumerate(numbers):
            rest = [n for k, n in enumerate(numbers) if k not in (i, j)]
            results = {"+": a + b, "-": a - b, "*": a * b} | ({"/": a // b} if b and a % b == 0 else {})
            for op, value in results.items() if i != j else ():
                yield f"{a} {op} {b} = {value}", [*rest, value]


def reachable(numbers: list[int]) -> bool:
    return numbers == [24] or any(reachable(left) for _, left in moves(numbers))


def oracle(whole: bool, steps: bool) -> Callable[[dict[str, Any], int], Answer]:
    """Knows the rules and every solution; whole answers, or steps, are a little off where they are not to be right."""

    def behave(body: dict[str, Any], n: int) -> Answer:
        said = body["messages"][-1]["content"]
        found = re.match(r"(?:Numbers:|Use) ([-\d, ]+?)(?:\. Target|, each)", said)
        assert found, said
        numbers = [int(number) for number in found[1].split(", ")]
        if said.startswith("Use"):
            solution = gold(" ".join(map(str, numbers)))
            return Answer(f"Answer: {solution if whole else other_number(str(numbers[0]), solution)}")
        if "sure or impossible" in said:
            return Answer("sure" if reachable(numbers) else "impossible")
        good = [text for text, left in moves(numbers) if reachable(left)]
        return Answer("\n".join(good[:3] if steps else [text + "0" for text in good[:3]]))

    return behave


def commands(page: str) -> str:
    return re.findall(r"^```sh\n(.*?)^```$", (DOCS / page).read_text("utf-8"), re.M | re.S)[0].strip()


def test_both_pages_give_the_same_commands():
    assert commands("search.zh.md").replace("deepseek:deepseek-chat", "openai:gpt-5-mini") == commands("search.md")


@pytest.mark.parametrize(
    ("whole", "steps", "means"),
    [(False, True, [0, 0, 1]), (True, False, [1, 1, 1]), (False, False, [0, 0, 0])][: 3 if FULL else 1],
)
def test_the_commands_of_the_page_measure_an_endpoint(
    whole: bool, steps: bool, means: list[float], data: Path, tmp_path: Path
):
    """Plain answers, the best of twenty that are checked, and the tree; where its steps fail it answers plainly."""
    shutil.copy(data / "game24" / "24.csv", tmp_path)
    with Endpoint(oracle(whole, steps)) as endpoint:
        environment = {
            **os.environ, "OPENAI_API_KEY": "key", "OPENAI_BASE_URL": endpoint.url, "JIELONG_LANG": "en",
            "JIELONG_HOME": str(tmp_path / "home"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }  # fmt: skip
        command = ["bash", "-c", commands("search.md").replace("--dry-run ", "") + " --json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
        assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)["results"]
    assert [(result["n"], result["mean"]) for result in results] == [(100, mean) for mean in means]
