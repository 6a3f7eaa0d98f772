# ruff: noqa: E501
"""Exceptions that nobody expected, of a provider, a technique, a metric, an answer rule or a tool: one sample is lost."""

from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from jielong.contract import Message, Model, Reply, Request, Usage
from jielong.errors import EndpointUnfit, Fault
from jielong.faults import described
from jielong.measuring.evaluate import compare
from jielong.measuring.results import EvalReport
from jielong.runtime.provider import Provider
from jielong.tasks.item import Item
from jielong.tasks.metric import CheckMetric, Score
from jielong.tasks.task import Task
from jielong.technique import adds_output, gather

pytestmark = pytest.mark.faults
FAULTS: dict[str, Exception] = {
    "a key that is missing": KeyError("x"),
    "an assertion": AssertionError("never"),
    "half a character": UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
    "a number without end": OverflowError("cannot convert float infinity to integer"),
    "a recursion without end": RecursionError("maximum recursion depth exceeded"),
    "no memory": MemoryError(),
    "an error of the system": OSError(28, "No space left on device"),
    "a stop of an iteration": StopAsyncIteration(),
    "an error of its own kind": type("Strange", (Exception,), {})("\x1b[2J two\nlines"),
    "a time limit of somebody else": TimeoutError(),
}
ITEMS = tuple(Item(str(n), f"question {n}", (str(n),)) for n in range(40))


class Stumbling(Provider):
    """Answers with the number in the question; `fault` at every tenth."""

    def __init__(self, fault: Exception | None) -> None:
        self.fault = fault

    @property
    def name(self) -> str:
        return "stumbling"

    def identity(self) -> str:
        return f"stumbling {self.fault!r}"

    async def send(self, request: Request, attempt: str) -> Reply:
        number = request.messages[-1].text.split()[-1]
        if self.fault and number.endswith("7"):
            raise self.fault
        return Reply(Message("assistant", number), usage=Usage(input_tokens=1, output_tokens=1))


def evaluated(folder: Path, model: Model, metric: CheckMetric) -> EvalReport:
    task = Task("t", ITEMS, metric, "", "")
    return anyio.run(partial(compare, task, [model], ledger=folder / "l.db"))


def stumble(reply_text: str, fault: Exception) -> None:
    if reply_text.endswith("7"):
        raise fault


def parts(fault: Exception) -> dict[str, tuple[Model, CheckMetric]]:
    right = CheckMetric("right", lambda item, reply: Score(float(reply.text == item.accepted[0]), reply.text))

    def wrong_metric(item: Item, reply: Reply) -> Score:
        stumble(reply.text, fault)
        return Score(1.0, reply.text)

    @adds_output(calls=lambda model, **_: model)
    async def stumbling_technique(model: Model, request: Request) -> Reply:
        reply = await model.generate(request)
        stumble(reply.text, fault)
        return reply

    return {
        "a provider": (Stumbling(fault), right),
        "a metric": (Stumbling(None), CheckMetric("wrong", wrong_metric)),
        "a technique": (Stumbling(None) | stumbling_technique, right),
    }


@pytest.mark.parametrize("part", ["a provider", "a metric", "a technique"])
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_costs_its_item_and_is_told(name: str, part: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("JIELONG_HOME", str(tmp_path))
    model, metric = parts(FAULTS[name])[part]
    with pytest.raises(type(FAULTS[name])):  # a loop without walls
        for item in ITEMS:
            stumble(item.accepted[0], FAULTS[name])
    report = evaluated(tmp_path, model, metric)
    (result,) = report.results
    assert (result.n, result.lost) == (36, 4)
    assert {type(FAULTS[name]).__name__ in str(answer.error) for answer in result.answers if answer.score is None} == {
        True
    }
    assert {answer.score for answer in result.answers} == {1.0, None}


def test_a_fault_at_every_item_stops_the_run_soon(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("JIELONG_HOME", str(tmp_path))

    def always(item: Item, reply: Reply) -> Score:
        raise ZeroDivisionError("division by zero")

    with pytest.raises(EndpointUnfit, match=r"the first 20 items were all lost: not graded: Fault: ZeroDivisionError"):
        evaluated(tmp_path, Stumbling(None), CheckMetric("always", always))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1, 2, "1", None])
def test_a_metric_that_gives_no_score_loses_the_item(value: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("JIELONG_HOME", str(tmp_path))
    odd = CheckMetric("odd", lambda item, reply: Score(value if reply.text.endswith("7") else 1.0, reply.text))
    (result,) = evaluated(tmp_path, Stumbling(None), odd).results
    assert (result.n, result.lost) == (36, 4)


def test_a_fault_of_one_sample_is_a_failed_sample() -> None:
    requests = [Request((Message("user", f"question {n}"),)) for n in (6, 7, 8)]
    six, seven, eight = anyio.run(gather, Stumbling(KeyError("x")), requests)
    assert isinstance(six, Reply)
    assert isinstance(eight, Reply)
    assert isinstance(getattr(seven, "error", None), Fault)
    assert "KeyError: 'x' (test_faults.py, line" in str(seven.error)  # type: ignore[union-attr]
    assert isinstance(seven.error.__cause__, KeyError)  # type: ignore[union-attr]


def test_a_fault_is_one_line_whatever_its_words_are() -> None:
    assert "\n" not in described(ValueError("a\nb\r\nc" * 1000))
    assert len(described(ValueError("x" * 10_000))) < 300


def test_ask_says_it_in_one_line_and_keeps_the_traceback(tmp_path: Path) -> None:
    from os import environ
    from subprocess import run
    from sys import executable

    plugin = tmp_path / "plugin.py"
    plugin.write_text(
        "from jielong.technique import adds_input\n\n@adds_input()\ndef broken(request):\n    return request.nothing\n"
    )
    done = run(
        [executable, "-m", "jielong", "--plugin", str(plugin), "ask", "hi", "-m", "mini | broken"],
        capture_output=True, text=True, check=False, env={**environ, "JIELONG_HOME": str(tmp_path / "home")},
    )  # fmt: skip
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert "AttributeError" in line
    assert "plugin.py, line 5" in line
    assert "Traceback" in (tmp_path / "home" / "faults.log").read_text()
