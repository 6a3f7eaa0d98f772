"""BFCL's files: the gold calls score 1, each kind of mutation 0."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grading import reply
from jielong.tasks.bfcl import scored
from jielong.tasks.item import Item
from jielong.tasks.load_task import load_task

pytestmark = pytest.mark.real
FILES = {"simple_python": 400, "multiple": 200, "irrelevance": 240}
Call = tuple[str, dict[str, Any]]


def written(*calls: Call) -> str:
    return json.dumps([{"name": name, "arguments": json.dumps(arguments)} for name, arguments in calls])


def concrete(accepted: Any) -> Any:
    """One value that is accepted."""
    if isinstance(accepted, dict):
        return {name: concrete(value) for name, values in accepted.items() if (value := first(values)) is not MISSING}
    return [concrete(value) for value in accepted] if isinstance(accepted, list) else accepted


MISSING = object()


def first(values: Any) -> Any:
    """The first accepted value; MISSING where leaving it out is the only way."""
    if not isinstance(values, list):
        return values
    return next((value for value in values if value != ""), MISSING)


def gold(item: Item) -> list[Call]:
    calls = [next(iter(call.items())) for call in json.loads(item.accepted[0])]
    return [(item_name(item, name), concrete(parameters)) for name, parameters in calls]


def item_name(item: Item, name: str) -> str:
    return next(tool.name for tool in item.tools if tool.name == name.replace(".", "_"))


def needed(item: Item, call: Call) -> list[str]:
    parameters = next(iter(json.loads(item.accepted[0])[0].values()))
    return [name for name in call[1] if "" not in parameters[name]]


def swapped(item: Item, call: Call, change: Callable[[Any], Any], kind: type) -> Call | None:
    """The call with the first value of a type changed."""
    for name, value in call[1].items():
        if type(value) is kind and change(value) != value:
            return call[0], {**call[1], name: change(value)}
    return None


MUTATIONS: dict[str, Callable[[Item, Call], str | None]] = {
    "another function of the offer": lambda i, c: next(
        (written((tool.name, c[1])) for tool in i.tools if tool.name != c[0]), None
    ),
    "an invented function": lambda i, c: written((c[0] + "_2", c[1])),
    "a parameter left out": lambda i, c: next(
        (written((c[0], {k: v for k, v in c[1].items() if k != name})) for name in needed(i, c)), None
    ),
    "a parameter more": lambda i, c: written((c[0], {**c[1], "invented": 1})),
    "a parameter renamed": lambda i, c: next(
        (written((c[0], {(k + "x" if k == name else k): v for k, v in c[1].items()})) for name in needed(i, c)), None
    ),
    "another number": lambda i, c: (m := swapped(i, c, lambda v: v + 98765, int)) and written(m),
    "another text": lambda i, c: (m := swapped(i, c, lambda v: v + " qqq", str)) and written(m),
    "the other truth value": lambda i, c: (m := swapped(i, c, lambda v: [v], bool)) and written(m),
    "a number as a text": lambda i, c: (m := swapped(i, c, str, int)) and written(m),
    "a list cut short": lambda i, c: (m := swapped(i, c, lambda v: v[:-1], list)) and written(m),
    "a list longer": lambda i, c: (m := swapped(i, c, lambda v: [*v, "qqq"], list)) and written(m),
    "the call twice": lambda i, c: written(c, c),
    "no call": lambda i, c: written(),
    "a text instead": lambda i, c: f"I would call {c[0]} with {c[1]}.",
    "arguments that are not JSON": lambda i, c: json.dumps([{"name": c[0], "arguments": json.dumps(c[1])[:-1]}]),
}


@pytest.mark.parametrize("name", FILES)
def test_gold_calls_score_one(name: str, data: Path):
    task = load_task(str(data / "bfcl" / f"BFCL_v4_{name}.json"))
    assert len(task.items) == FILES[name]
    assert task.rejected == ()
    wrong = [item.id for item in task.items if scored(item, reply(written(*gold(item)))).value != 1.0]
    assert wrong == []


@pytest.mark.parametrize("kind", MUTATIONS)
def test_mutated_calls_score_nothing(kind: str, data: Path):
    made, right = 0, []
    for name in ("simple_python", "multiple"):
        for item in load_task(str(data / "bfcl" / f"BFCL_v4_{name}.json")).items:
            text = MUTATIONS[kind](item, gold(item)[0])
            if text is not None:
                made += 1
                right += [item.id] if scored(item, reply(text)).value else []
    assert made >= 30
    assert right == []


def test_any_call_is_wrong_where_none_fits(data: Path):
    for item in load_task(str(data / "bfcl" / "BFCL_v4_irrelevance.json")).items:
        assert scored(item, reply(written((item.tools[0].name, {})))).value == 0.0
        assert scored(item, reply("None of these functions helps.")).value == 1.0
