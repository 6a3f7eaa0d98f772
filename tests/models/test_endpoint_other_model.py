"""An endpoint that answers as another model than it was asked for: said, and never booked at the old model's price."""

import anyio
import pytest

from endpoint import Answer, Endpoint
from jielong.contract import Message, Reply, Request, Sampling, Usage
from jielong.model_names import is_renamed
from jielong.models.openai import Endpoint as Model
from jielong.models.openai.endpoint_presets import resolve_endpoint
from jielong.recipe import load
from jielong.runtime.ledger import use_ledger
from jielong.scope import scope


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("gpt-4o", "gpt-4o"),
        ("gpt-4o", "gpt-4o-2024-08-06"),
        ("openai/gpt-4o", "gpt-4o-2024-08-06"),
        ("llama3", "llama3:latest"),
        ("llama3:latest", "llama3"),
        ("Qwen/Qwen3-8B", "qwen3-8b"),
        ("model", "/srv/models/model.gguf"),
        ("mistral-large-latest", "mistral-large-2411"),
        ("deepseek/deepseek-r1:free", "deepseek/deepseek-r1"),
        ("gemini-2.5-pro", "models/gemini-2.5-pro"),
        ("anything", ""),
    ],
)
def test_the_same_model(asked, answered):
    assert not is_renamed(asked, answered)


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("gpt-4-0314", "gpt-4-0613"),
        ("gpt-4", "gpt-4o"),
        ("gpt-4o", "gpt-4o-mini"),
        ("text-davinci-003", "gpt-3.5-turbo-instruct"),
        ("claude-3-opus-20240229", "claude-opus-4-20250514"),
        ("deepseek-chat", "deepseek-v3.2"),
        ("qwen3:8b", "qwen3:0.6b"),
        ("gemini-pro", "gemini-2.5-pro"),
    ],
)
def test_another_model(asked, answered):
    assert is_renamed(asked, answered)


def test_the_name_is_in_the_reply_and_in_the_ledger_and_said(tmp_path):
    with Endpoint(lambda body, n: Answer("4", model="other-model")) as endpoint:
        model = load(f"vllm:old-model@{endpoint.url}")
        request = Request((Message("user", "2 + 2"),), Sampling(seed=1))
        for _ in range(2):  # the second is a replay
            with use_ledger(tmp_path / "ledger.db"), scope("test") as here:
                assert anyio.run(model.generate, request).answered_by == "other-model"
            assert any("old-model" in note and "other-model" in note for note in here.notes)


def test_a_redirected_id_costs_what_the_model_behind_it_costs(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "key")
    model = Model(resolve_endpoint("openai", "gpt-4-0314"))
    usage = Usage(input_tokens=1000, output_tokens=1000)
    own = model.reply_usd(Reply(Message("assistant", "4"), usage=usage, answered_by="gpt-4-0314"))
    other = model.reply_usd(Reply(Message("assistant", "4"), usage=usage, answered_by="gpt-4o-mini"))
    unknown = model.reply_usd(Reply(Message("assistant", "4"), usage=usage, answered_by="nobody-knows-it"))
    assert own == model.usd(usage)
    assert own > 10 * other
    assert unknown is None
