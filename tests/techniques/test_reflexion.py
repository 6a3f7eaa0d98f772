"""Learning from failed tries, with each signal from outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from jielong.answers import RULES
from jielong.contract import Message, Model, Reply, Request, Scores, ToolCall, ToolSpec
from jielong.errors import BadInput, RecipeError
from jielong.models.scripted import Scripted
from jielong.recipe import load
from jielong.techniques.feedback import asserts, stated_tests
from jielong.techniques.reflexion import reflexion
from laws.laws import LAWS

pytestmark = pytest.mark.anyio
Asked = Callable[..., Request]

WRONG = "```python\ndef double(x):\n    return x + 2\n```"
RIGHT = "```python\ndef double(x):\n    return x * 2\n```"
NOTE = "I added 2; multiply by 2 instead."


def learning(wrong: str, right: str, *, tests: str = "") -> Scripted:
    """Is wrong until it has read its own note, and writes the note only when it is told what the check said."""

    def reply(request: Request) -> str:
        last = request.messages[-1].text
        if "Python lines that each begin with assert" in last:
            return tests
        if "did not pass" in last and "what went wrong" in last:
            return NOTE
        return right if NOTE in last else wrong

    return Scripted(reply)


def notes(model: Scripted) -> list[str]:
    return [r.messages[-1].text for r in model.requests if "what went wrong" in r.messages[-1].text]


async def test_the_examples_in_the_question_are_run_and_a_failed_one_is_told(asked: Asked) -> None:
    model = learning(WRONG, RIGHT)
    reply = await (model | reflexion(signal="examples")).generate(asked("Write double(x).\nassert double(5) == 10"))
    assert reply.text == RIGHT
    assert "AssertionError: assert double(5) == 10" in notes(model)[0]
    assert reply.usage.calls == 3, "a try, a note, a try that passes"
    assert f"\n- {NOTE}" in model.requests[2].messages[0].text
    assert [message.role for message in model.requests[2].messages] == ["user"], "a fresh try sees no earlier one"


async def test_an_answer_that_passes_at_once_costs_one_call(asked: Asked) -> None:
    model = learning(RIGHT, WRONG)
    reply = await (model | reflexion(signal="examples")).generate(asked("Write double(x).\n>>> double(5)\n10"))
    assert reply.text == RIGHT
    assert len(model.requests) == 1


async def test_its_own_tests_are_written_once_before_any_answer(asked: Asked) -> None:
    model = learning(WRONG, RIGHT, tests="```python\nassert double(3) == 6\nassert double(\nnot a test\n```")
    technique = reflexion(signal="own_tests", rounds=3)
    assert (await (model | technique).generate(asked("Write double(x)."))).text == RIGHT
    assert "assert double(3) == 6" in notes(model)[0]
    assert sum("begin with assert" in request.messages[-1].text for request in model.requests) == 1
    assert (model | technique).max_calls() == 8


async def test_without_tests_it_is_enough_that_the_program_runs(asked: Asked) -> None:
    broken = "```python\nprint(undefined)\n```"
    for signal in ("runs", "examples", "own_tests"):
        model = learning(broken, WRONG)
        reply = await (model | reflexion(signal=signal)).generate(asked("Write double(x)."))  # type: ignore[arg-type]
        assert reply.text == WRONG
        assert "NameError" in notes(model)[0]


async def test_a_program_that_does_not_end_is_told_as_such(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    from jielong.sandbox import SandboxLimits, run_tests
    from jielong.techniques import feedback

    async def impatient(code: str, tests: str) -> Any:
        return await run_tests(code, tests, limits=SandboxLimits(seconds=0.5))

    monkeypatch.setattr(feedback, "run_tests", impatient)
    model = learning("```python\nwhile True:\n    pass\n```", RIGHT)
    assert (await (model | reflexion(signal="runs")).generate(asked("Write double(x)."))).text == RIGHT
    assert "TimeoutError" in notes(model)[0]


async def test_a_verifier_is_another_model_and_its_words_are_the_signal(asked: Asked) -> None:
    verifier = Scripted(lambda r: "Yes." if "answer: 8" in r.messages[-1].text else "No, 2 * 4 is not 6.")
    model = learning("6", "8")
    reply = await (model | reflexion(signal=verifier)).generate(asked("2 * 4?"))
    assert reply.text == "8"
    assert "No, 2 * 4 is not 6." in notes(model)[0]
    assert reply.usage.calls == 5
    assert len(verifier.requests) == 2


async def test_an_answer_rule_by_name_asks_that_there_is_an_answer(asked: Asked) -> None:
    model = learning("I would say that it depends.", "The answer is 8.")
    assert (await (model | reflexion(signal=RULES["number"])).generate(asked("2 * 4?"))).text == "The answer is 8."
    assert "No answer could be found in it." in notes(model)[0]


class Length:
    """A scorer that likes long replies, and makes one call for each."""

    calls = 1

    def __init__(self) -> None:
        self.scored: list[str] = []

    async def score(self, request: Request, replies: Sequence[Reply]) -> Scores:
        self.scored += [reply.text for reply in replies]
        return Scores(tuple(float(len(reply.text)) for reply in replies))


async def test_a_scorer_is_asked_for_as_much_as_passing_says(asked: Asked) -> None:
    scorer, model = Length(), learning("short", "long enough")
    technique = reflexion(signal=scorer, passing=10)
    assert (await (model | technique).generate(asked())).text == "long enough"
    assert scorer.scored == ["short", "long enough"]
    assert "It got the grade 5; at least 10 is needed." in notes(model)[0]
    assert (model | technique).max_calls() == 1 + 2 * 2 + 2


async def test_a_check_of_ones_own_is_a_function_that_says_what_is_wrong(asked: Asked) -> None:
    def check(request: Request, reply: Reply) -> str | None:
        return None if reply.text.isupper() else f"{request.messages[0].text}: no capitals"

    model = learning("quiet", "LOUD")
    assert (await (model | reflexion(signal=check)).generate(asked("Shout"))).text == "LOUD"
    assert "Shout: no capitals" in notes(model)[0]


async def test_when_nothing_passes_the_last_try_is_the_reply_and_has_read_all_notes(asked: Asked) -> None:
    written = iter(["a", "first note", "b", "second note", "c"])
    model = Scripted(lambda _: next(written))
    reply = await (model | reflexion(signal=lambda request, reply: "wrong", rounds=2)).generate(asked())
    assert reply.text == "c"
    assert model.requests[-1].messages[0].text.endswith("\n- first note\n- second note")


async def test_equal_tries_are_judged_once(asked: Asked) -> None:
    verifier, model = Scripted("no"), Scripted("6")
    await (model | reflexion(signal=verifier, rounds=4)).generate(asked("2 * 4?"))
    assert len(verifier.requests) == 1


async def test_a_tool_call_of_any_try_goes_to_the_caller_and_notes_are_not_lost_behind_a_tools_result(
    asked: Asked,
) -> None:
    call = Reply(Message("assistant", "", (ToolCall("1", "weather"),)), "tool_calls")
    tools = (ToolSpec("weather"),)
    first = Scripted(lambda _: call)
    assert (await (first | reflexion(signal="runs")).generate(Request(asked().messages, tools=tools))).finish == (
        "tool_calls"
    )
    model = learning("6", "8")
    later = Request((*asked().messages, call.message, Message("tool", "rain", tool_call_id="1")), tools=tools)
    await (model | reflexion(signal=lambda request, reply: None if reply.text == "8" else "no")).generate(later)
    assert [message.role for message in model.requests[-1].messages] == ["user", "assistant", "tool", "user"]


async def test_a_chinese_question_is_reflected_on_in_chinese(asked: Asked) -> None:
    model = Scripted("六")
    await (model | reflexion(signal=lambda request, reply: "错", rounds=1)).generate(asked("二乘四？"))
    assert "没有通过检查。\n错\n" in model.requests[1].messages[-1].text


# --- names and texts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("signal", ["runs", "examples", "own_tests", "number", "mini", "mini | cot"])
def test_signals_have_names_in_recipes(signal: str) -> None:
    recipe = f"mini | reflexion(signal={signal})"
    assert load(recipe).name == recipe


def test_a_signal_that_nobody_knows_and_none_at_all_are_refused() -> None:
    with pytest.raises(RecipeError, match=r"unknown reflexion\(signal=\) value 'run'; did you mean 'runs'\?"):
        load("mini | reflexion(signal=run)")
    with pytest.raises(RecipeError, match="unknown technique 'cott'; did you mean 'cot'"):
        load("mini | reflexion(signal=mini | cott)")
    with pytest.raises(BadInput, match="reflexion needs signal="):
        load("mini | reflexion")
    with pytest.raises(BadInput, match="reflexion: rounds=-1; expected 0 or more"):
        load("mini | reflexion(signal=runs, rounds=-1)").ask("x")


def test_tests_are_found_in_questions() -> None:
    question = 'def add(a, b):\n    """Add.\n    >>> add(1, 2)\n    3\n    >>> add("a", "b")\n    \'ab\'\n    >>> add\n'
    assert stated_tests(question + '    <function>\n    """') == (
        "assert (add(1, 2)) == (3)",
        """assert (add("a", "b")) == ('ab')""",
    )
    assert asserts("I assert that\n  assert f(1) == 1\nassert f(\nassert f(1) == 1") == ("assert f(1) == 1",)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("signal", ["own_tests", RULES["number"]])
async def test_law_with_this_signal(law: Any, signal: Any) -> None:
    def make(model: Model) -> Model:
        return model | reflexion(signal=signal, rounds=1)

    await law(make)
