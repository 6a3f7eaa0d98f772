"""Random nested requests with retries and cancels: the ledger and the endpoint agree on every call, to the token."""

import contextlib
import random
from pathlib import Path

import anyio

from endpoint import Endpoint, numbered
from jielong import Message, Request, Sampling, Usage, load, use_ledger
from jielong.call_context import sub_path
from jielong.errors import JielongError
from jielong.runtime.ledger_json import decode_usage
from jielong.scope import scope

STEPS = [
    "cot",
    "self_consistency(n=3)",
    "self_refine",
    "self_check(mode=same_turn)",
    "persona(role=x)",
    "best_of_n(n=2)",
]


def test_ledger_and_endpoint_agree_on_every_call(tmp_path: Path, full: bool) -> None:
    count, rng = 10_000 if full else 400, random.Random(5)
    usages: list[Usage] = []

    async def one(i: int, name: str, cancel_after: float | None) -> None:
        steps = rng.sample(STEPS, rng.randint(0, 2))
        model = load(" | ".join([name, *steps]))
        request = Request((Message("user", f"item {i}"),), Sampling(seed=i, max_tokens=50))
        with scope(str(i)) as here:
            with sub_path(i), anyio.move_on_after(cancel_after), contextlib.suppress(JielongError):
                await model.generate(request)
        usages.append(here.usage)

    async def all_of_them(name: str) -> None:
        todo = iter(range(count))

        async def work() -> None:
            for i in todo:
                await one(i, name, rng.uniform(0, 0.3) if rng.random() < 0.2 else None)

        async with anyio.create_task_group() as tasks:
            for _ in range(64):
                tasks.start_soon(work)

    kinds = ("429", "500", "cut", "malformed")
    with Endpoint(numbered, latency=0.02, faults=0.1, kinds=kinds, seed=2, keep=False) as endpoint:
        with use_ledger(tmp_path / "ledger.db") as ledger:
            anyio.run(all_of_them, f"openai:stub@{endpoint.url}")
            rows = list(ledger.rows())
    assert sum(usages, Usage()) == sum((decode_usage(row.usage) for row in rows), Usage())
    served = endpoint.stats.by_id
    attempts = unsettled = 0
    for row in rows:
        used = row.usage
        made = used.get("calls", 0) + used.get("retries", 0)
        attempts += made
        unsettled += used.get("unsettled_calls", 0)
        if row.state == "done":
            assert served[f"{row.key[:24]}-{made}"] == (used.get("input_tokens", 0), used.get("output_tokens", 0))
        if used.get("unsettled_calls", 0):
            assert row.bound_tokens is not None
            finished = [sum(served[i]) for k in range(1, made + 1) if (i := f"{row.key[:24]}-{k}") in served]
            assert all(tokens <= row.bound_tokens for tokens in finished)
    assert attempts - unsettled <= endpoint.stats.requests <= attempts
    assert sum(row.state == "cut" for row in rows) > 0
    known = {f"{row.key[:24]}-{k}" for row in rows for k in range(1, 9)}
    assert set(served) <= known, "the endpoint served a call that the ledger does not know"
