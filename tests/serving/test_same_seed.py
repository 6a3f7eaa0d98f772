"""The same seed gives the same text from mini alone, in a batch of 32, and through the server; a seed replays."""

from __future__ import annotations

from typing import Any

import anyio
import openai
import pytest

from jielong import load
from jielong.contract import Message, Request, Sampling
from jielong.models.scripted import Scripted
from serving.served import Served

QUESTION = "Tom has 3 bags with 4 apples each. How many apples are there?"
OPEN = "The"  # many things can follow
OPEN_ASKED: list[Any] = [{"role": "user", "content": OPEN}]
ASKED: list[Any] = [{"role": "user", "content": QUESTION}]


def request(seed: int, temperature: float) -> Request:
    return Request((Message("user", OPEN),), Sampling(temperature=temperature, seed=seed, max_tokens=24))


@pytest.mark.parametrize("temperature", [0.7, 1.5])
def test_the_same_seed_is_the_same_text_alone_in_a_batch_and_through_the_server(temperature: float):
    model = load("mini")

    async def batch() -> list[str]:
        texts = [""] * 32

        async def one(i: int) -> None:
            texts[i] = (await model.generate(request(i, temperature))).text

        async with anyio.create_task_group() as tasks:
            for i in range(32):
                tasks.start_soon(one, i)
        return texts

    async def served_batch(url: str) -> list[str]:
        texts = [""] * 32

        async def one(client: openai.AsyncOpenAI, i: int) -> None:
            said = await client.chat.completions.create(
                model="mini", messages=OPEN_ASKED, seed=i, temperature=temperature, max_tokens=24
            )
            texts[i] = said.choices[0].message.content or ""

        async with openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0) as client:
            async with anyio.create_task_group() as tasks:
                for i in range(32):
                    tasks.start_soon(one, client, i)
        return texts

    alone = [anyio.run(model.generate, request(i, temperature)).text for i in range(32)]
    assert len(set(alone)) > 1, "nothing was drawn"
    assert anyio.run(batch) == alone
    with Served("mini") as served:
        assert anyio.run(served_batch, served.url) == alone


def test_a_technique_has_the_same_seed_through_the_server():
    model = load("mini | cot | self_consistency(n=5)")
    asked = Request((Message("user", QUESTION),), Sampling(seed=3))
    alone = anyio.run(model.generate, asked)
    with Served(f"vote={model.name}") as served:
        said = served.client().chat.completions.create(model="vote", messages=ASKED, seed=3)
        assert said.choices[0].message.content == alone.text
        assert said.usage is not None
        assert said.usage.total_tokens == alone.usage.input_tokens + alone.usage.output_tokens


def test_only_with_a_seed_the_ledger_answers():
    base = Scripted("2")
    with Served(base) as served:
        client = served.client()
        for _ in range(2):
            client.chat.completions.create(model="scripted:test", messages=ASKED)
        assert len(base.requests) == 2
        first = client.chat.completions.create(model="scripted:test", messages=ASKED, seed=1)
        again = client.chat.completions.create(model="scripted:test", messages=ASKED, seed=1)
        assert len(base.requests) == 3
        assert first.model_extra["jielong"]["cached_calls"] == 0
        assert again.model_extra["jielong"]["cached_calls"] == 1
        assert again.usage == first.usage
