"""Replies as models write them, judged by each metric as a careful reader does: the shares that are judged rightly.

`kept_back.toml` was looked at only after the rules were mended, the other files before they were mended for them.
A false accept is a reply that is called right and is not: it makes figures that are false, so hardly any may be left.
"""

import tomllib
from pathlib import Path
from typing import Any

import anyio
import pytest

from grading import reply
from jielong.tasks import code_tests
from jielong.tasks.item import Item
from jielong.tasks.metric import LabelMetric, Metric, find_metric

HERE = Path(__file__).parent
WRITTEN: dict[str, list[dict[str, Any]]] = {}
for _file in ("written_answers.toml", "written_later.toml", "kept_back.toml", "written_reasons.toml"):
    for _name, _cases in tomllib.loads((HERE / _file).read_text("utf-8")).items():
        WRITTEN.setdefault(_name, []).extend(_cases)


def is_right(name: str, case: dict[str, Any]) -> bool:
    metric: Metric = find_metric({"math": "number"}.get(name, name))
    if name == "label":
        metric = LabelMetric(tuple(case["labels"]))
    item = Item(
        "",
        case.get("input", "?"),
        (case["gold"],) if "gold" in case else (),
        tuple(case.get("choices", ())),
        tests=code_tests.Tests(case["tests"], case.get("prompt", ""), case["entry_point"]) if "tests" in case else None,
    )
    return anyio.run(metric.score, item, reply(case["reply"])).value == 1


@pytest.mark.parametrize("name", WRITTEN)
def test_replies_are_judged_as_a_careful_reader_judges_them(name: str) -> None:
    wrongly = [case for case in WRITTEN[name] if is_right(name, case) != case["right"]]
    accepted = [case["reply"] for case in wrongly if not case["right"]]
    assert accepted == []
    assert len(wrongly) <= 0.03 * len(WRITTEN[name]), wrongly


def test_there_are_enough_written_answers_and_none_twice() -> None:
    cases = [f"{name} {sorted(case.items())}" for name, cases in WRITTEN.items() for case in cases]
    assert len(cases) == len(set(cases)) >= 1_090
