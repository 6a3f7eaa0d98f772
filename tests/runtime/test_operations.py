"""Replies, log-probabilities, next tokens and embeddings take one way: ledger, budget, usage, replay."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from endpoint import Endpoint, numbered
from jielong import budget, cot, self_consistency
from jielong.contract import (
    Embeddings,
    Message,
    Model,
    NextToken,
    NextTokens,
    Reply,
    Request,
    Sampling,
    TokenLogprob,
    Usage,
)
from jielong.errors import BudgetExceeded, Unsupported
from jielong.models.mini import WEIGHTS
from jielong.models.scripted import Scripted
from jielong.recipe import load
from jielong.runtime.ledger import use_ledger
from jielong.runtime.provider import AttemptFailed, EmbeddingProvider, OpenWeightsProvider
from jielong.scope import scope

pytestmark = pytest.mark.anyio
HELLO = Request((Message("user", "hello"),), Sampling(seed=1, max_tokens=8))


class Everything(OpenWeightsProvider, EmbeddingProvider):
    """Has all four operations, and fails the first attempt of each where told to."""

    def __init__(self, fails: int = 0) -> None:
        self.attempts, self.fails = 0, fails

    @property
    def name(self) -> str:
        return "everything"

    def identity(self) -> str:
        return "everything"

    def count(self) -> Usage:
        self.attempts += 1
        if self.attempts <= self.fails:
            raise AttemptFailed("not yet", after=0.0)
        return Usage(input_tokens=5, output_tokens=0)

    async def send(self, request: Request, attempt: str) -> Reply:
        return Reply(Message("assistant", "x"), usage=self.count())

    async def send_logprobs(self, request: Request, continuation: str) -> tuple[tuple[TokenLogprob, ...], Usage]:
        usage = self.count()
        return tuple(TokenLogprob(c, -1.0) for c in continuation), usage

    async def send_next_tokens(self, request: Request, reply_tokens: Sequence[int], k: int) -> NextTokens:
        usage = self.count()
        return NextTokens(tuple(NextToken(i, str(reply_tokens), 0.5, False) for i in range(k)), usage)

    async def send_embed(self, texts: Sequence[str], attempt: str) -> Embeddings:
        return Embeddings(tuple((float(len(text)), 0.25) for text in texts), self.count())


OPERATIONS: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "generate": lambda model: model.generate(HELLO),
    "logprobs": lambda model: model.logprobs(HELLO, "a b"),
    "next_tokens": lambda model: model.next_tokens(HELLO, [1, 2], 3),
    "embed": lambda model: model.embed(["a", "bc"]),
}


def comparable(result: Any) -> Any:
    return result.vectors if isinstance(result, Embeddings) else result.message if isinstance(result, Reply) else result


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_no_operation_spends_beyond_a_budget(operation: str) -> None:
    model = Everything()
    with budget(calls=0), pytest.raises(BudgetExceeded):
        await OPERATIONS[operation](model)
    with budget(tokens=3), pytest.raises(BudgetExceeded):
        await OPERATIONS[operation](model)
    assert model.attempts == 0
    with budget(calls=1, tokens=2_000) as spent:
        await OPERATIONS[operation](model)
        with pytest.raises(BudgetExceeded):
            await OPERATIONS[operation](model)
    assert (spent.calls, spent.tokens, spent.reserved_tokens) == (1, 5, 0)


@pytest.mark.parametrize("name", ["mini", f'"local:{WEIGHTS}"', "scripted", "openai"])
async def test_a_budget_of_no_calls_stops_every_provider(name: str, tmp_path: Path) -> None:
    with Endpoint(numbered) as endpoint:
        model = Scripted("x") if name == "scripted" else load(
            f"openai:stub@{endpoint.url}" if name == "openai" else name
        )  # fmt: skip
        for operation, call in OPERATIONS.items():
            if operation != "generate" and not hasattr(model, operation):
                continue
            with budget(calls=0), pytest.raises((BudgetExceeded, Unsupported)) as raised:
                await call(model)
            assert raised.type is BudgetExceeded or name in ("scripted", "openai"), operation
        assert endpoint.stats.requests == 0


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_every_operation_is_counted_with_its_retries_and_written_down(operation: str, tmp_path: Path) -> None:
    model = Everything(fails=2)
    with use_ledger(tmp_path / "l.db", "run") as ledger, scope("all") as spent:
        await OPERATIONS[operation](model)
        rows = list(ledger.rows())
    assert spent.usage == Usage(calls=1, retries=2, input_tokens=5)
    assert [(row.state, row.provider) for row in rows] == [("done", "everything")]
    assert spent.steps[0].call == rows[0].key


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_every_operation_is_replayed(operation: str, tmp_path: Path) -> None:
    model = Everything()
    with use_ledger(tmp_path / "l.db", "run"):
        first = await OPERATIONS[operation](model)
    for run, cached in (("run", 0), ("another", 1)):
        with use_ledger(tmp_path / "l.db", run), scope("all") as spent:
            again = await OPERATIONS[operation](model)
        assert comparable(again) == comparable(first)
        assert spent.usage == Usage(calls=1, cached_calls=cached, input_tokens=5)
    assert model.attempts == 1


async def test_operations_and_arguments_are_told_apart(tmp_path: Path) -> None:
    model = Everything()
    with use_ledger(tmp_path / "l.db"):
        for call in OPERATIONS.values():
            await call(model)
        await model.logprobs(HELLO, "another")
        await model.next_tokens(HELLO, [1], 3)
        await model.embed(["a"])
    assert model.attempts == 7


async def test_the_tokens_of_mini_are_counted() -> None:
    mini: Any = load("mini")
    with scope("all") as spent:
        logprobs = await mini.logprobs(HELLO, "hi there")
    prompt = spent.usage.input_tokens - len(logprobs)
    assert prompt > 0
    with scope("all") as spent:
        await mini.next_tokens(HELLO, [5, 6], 2)
    assert (spent.usage.calls, spent.usage.input_tokens) == (1, prompt + 2)


async def test_logprobs_pass_through_what_adds_input_and_not_through_what_adds_output() -> None:
    seen: list[Request] = []

    class Watched(Everything):
        async def send_logprobs(self, request: Request, continuation: str) -> tuple[tuple[TokenLogprob, ...], Usage]:
            seen.append(request)
            return await super().send_logprobs(request, continuation)

    model: Model = Watched() | cot | budget(calls=1)
    with scope("all") as spent:
        assert len(await model.logprobs(HELLO, "ab")) == 2
    assert seen[0].messages[-1].text != "hello"
    assert spent.usage.calls == 1
    with pytest.raises(BudgetExceeded):
        await (Watched() | cot | budget(calls=0)).logprobs(HELLO, "ab")
    with pytest.raises(Unsupported, match="self_consistency makes its reply of several calls"):
        await (Watched() | self_consistency(n=3)).logprobs(HELLO, "ab")
