"""What telemetry says of models and messages: names without paths and options, messages in the conventions' form."""

from __future__ import annotations

import json

import pytest

from jielong import load
from jielong.contract import Image, Message, Reply, Request, Sampling, Text, Thinking, ToolCall, Usage
from jielong.runtime.telemetry import semantic_conventions
from jielong.runtime.telemetry.semantic_conventions import bare, provider_and_model


@pytest.mark.parametrize(
    ("spec", "provider", "model"),
    [
        ("mini", "mini", "mini"),
        ("openai:gpt-5-mini", "openai", "gpt-5-mini"),
        ("openai:org/name@https://example.org/v1", "openai", "org/name"),
        ("gemini:flash", "gcp.gemini", "flash"),
        ("kimi:k2", "moonshot_ai", "k2"),
        ('"local:/home/me/my models/qwen"', "local", "qwen"),
        ("tool:calculator", "tool", "calculator"),
    ],
)
def test_a_spec_is_a_provider_and_a_model(spec: str, provider: str, model: str):
    assert provider_and_model(spec) == (provider, model)


@pytest.mark.parametrize(
    ("recipe", "shown"),
    [
        ("careful", "careful"),
        ('mini | instruct(text="a secret | cot") | self_consistency(n=8)', "mini | instruct | self_consistency"),
        ("openai:stub@http://10.0.0.1/v1 | critique_by(critic=mini)", "openai:stub | critique_by"),
        ('"local:/home/me/x" | cot', "local:x | cot"),
        ("a text (of anybody's", "a model"),
    ],
)
def test_a_recipe_is_shown_without_options_urls_and_folders(recipe: str, shown: str):
    assert bare(recipe) == shown


def test_models_bear_names_that_can_be_shown():
    assert bare(load('mini | instruct(text="Say \\"no\\".") | cot').name) == "mini | instruct | cot"


def test_messages_are_in_the_form_of_the_conventions():
    call = ToolCall("c1", "add", '{"a": 1}')
    request = Request(
        (
            Message("user", (Text("look"), Image(b"1234"))),
            Message("assistant", (Thinking("hm"),), (call, ToolCall("c2", "add", "{broken"))),
            Message("tool", "2", tool_call_id="c1"),
        )
    )
    said = json.loads(str(semantic_conventions.request_texts(request)["gen_ai.input.messages"]))
    assert said == [
        {"role": "user", "parts": [
            {"type": "text", "content": "look"},
            {"type": "image", "mime_type": "image/png", "bytes": 4},
        ]},
        {"role": "assistant", "parts": [
            {"type": "reasoning", "content": "hm"},
            {"type": "tool_call", "id": "c1", "name": "add", "arguments": {"a": 1}},
            {"type": "tool_call", "id": "c2", "name": "add", "arguments": "{broken"},
        ]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "2"}]},
    ]  # fmt: skip
    reply = Reply(Message("assistant", "", (call,)), "tool_calls")
    ended = json.loads(str(semantic_conventions.reply_texts([reply])["gen_ai.output.messages"]))
    assert [message["finish_reason"] for message in ended] == ["tool_call"]
    assert semantic_conventions.finishes([reply]) == {"gen_ai.response.finish_reasons": ["tool_calls"]}


def test_what_was_not_set_is_not_said():
    assert semantic_conventions.request_attributes(Request(()), streamed=False) == {}
    set_to_nought = Request((), Sampling(temperature=0.0, seed=0))
    assert semantic_conventions.request_attributes(set_to_nought, streamed=False) == {
        "gen_ai.request.temperature": 0.0,
        "gen_ai.request.seed": 0,
    }
    assert semantic_conventions.call_usage(Usage(calls=1, input_tokens=3, usd=None)) == {
        "gen_ai.usage.input_tokens": 3,
        "gen_ai.usage.output_tokens": 0,
    }
