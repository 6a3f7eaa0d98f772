"""Calls as text: a model that is asked for one form and answers in the one that it was taught is understood."""

import anyio
import pytest

from endpoint.call_forms import ADD, FORMS, NO_CALLS
from endpoint.wire import CLOCK, WEATHER
from jielong import Message, Request
from jielong.models.scripted import Scripted
from jielong.techniques.tools.tool import Arguments, Tool, ToolResult
from jielong.techniques.tools.tool_loop import tools

Made = list[tuple[str, Arguments]]


def answer(text: str, question: str = "Weather in Rome?") -> tuple[str, Made]:
    made: Made = []

    def tool(name: str, parameters: dict[str, object]) -> Tool:
        async def call(arguments: Arguments) -> ToolResult:
            made.append((name, arguments))
            return ToolResult("Sunny")

        return Tool(name, "A tool", parameters, call, pure=True)

    ours = [tool(spec.name, dict(spec.parameters)) for spec in (WEATHER, CLOCK, ADD)]
    replies = iter([text, "It is sunny."])
    model = Scripted(lambda request: next(replies)) | tools(use=ours, form="text")
    return anyio.run(model.generate, Request((Message("user", question),))).text, made


@pytest.mark.parametrize("name", [name for name in FORMS if "thoughts" not in name and "not there" not in name])
def test_a_call_in_any_form_is_made(name: str):
    text, calls, _ = FORMS[name]
    assert answer(text) == ("It is sunny.", calls)


@pytest.mark.parametrize("name", [name for name in NO_CALLS if "mark" not in name and "inline" not in name])
def test_a_text_that_calls_nothing_is_the_answer(name: str):
    assert answer(NO_CALLS[name]) == (NO_CALLS[name], [])


@pytest.mark.parametrize(
    "name", ["Hermes", "Qwen3-Coder", "Mistral", "fenced JSON", "bare JSON", "pythonic, two", "Kimi K2"]
)
def test_a_call_that_the_question_quotes_is_not_made(name: str):
    text, _, _ = FORMS[name]
    assert answer(text, f"Repeat this:\n\n{text}\n\nNothing else.") == (text, [])


def test_a_call_that_cannot_be_read_is_told_to_the_model():
    text, made = answer('<tool_call>{"name": "get_weather", "arguments": {"city": </tool_call>')
    assert (text, made) == ("It is sunny.", [])
