"""Endpoints fail in many ways; every call ends as a reply or as an error in the endpoint's own words."""

import json
import threading
from typing import Any

import anyio
import pytest

from endpoint import Answer, Endpoint, numbered
from jielong import Message, Request, Sampling, load, use_ledger
from jielong.call_context import sub_path
from jielong.errors import BadInput, EndpointGaveUp, EndpointUnfit, MissingKey, RecipeError, Refused, Unsupported
from jielong.scope import scope

PATIENCE = 60  # seconds until a test that waits for something that never happens fails
HI = Request((Message("user", "hi"),), Sampling(max_tokens=50))


def error(status: int, message: str, code: str | None = None, param: str | None = None, **headers: str) -> Answer:
    body = json.dumps({"error": {"message": message, "code": code, "param": param}})
    return Answer(status=status, body=body, headers={k.replace("_", "-"): v for k, v in headers.items()})


def first_then(first: Answer, times: int = 1) -> Any:
    return lambda body, n: first if n <= times else Answer("ok")


@pytest.mark.parametrize("fault", ["429", "500", "503", "cut", "malformed"])
def test_a_passing_fault_is_retried_and_counted(fault: str):
    bad = Answer("a b c", fault=fault) if fault in ("cut", "malformed") else error(int(fault), "busy", Retry_After="0")
    with Endpoint(first_then(bad)) as endpoint:
        reply = anyio.run(load(f"openai:stub@{endpoint.url}").generate, HI)
        requests = endpoint.stats.requests
    assert (reply.text, reply.usage.retries, requests) == ("ok", 1, 2)
    assert reply.usage.unsettled_calls == (fault in ("cut", "malformed"))


def test_an_endpoint_that_keeps_failing_gives_up_in_its_own_words():
    with Endpoint(lambda body, n: error(503, "the hamsters are tired", Retry_After="0")) as endpoint:
        with pytest.raises(EndpointGaveUp, match="hamsters are tired"):
            anyio.run(load(f"openai:stub@{endpoint.url}").generate, HI)


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (error(401, "wrong key"), MissingKey, "wrong key"),
        (error(404, "no model stub"), BadInput, "check the name of the model"),
        (error(400, "context is 4096 tokens"), EndpointGaveUp, "4096"),
        (error(400, "blocked", "content_filter"), Refused, "blocked"),
        (error(429, "pay first", "insufficient_quota"), BadInput, "no quota"),
        (error(402, "Insufficient Balance"), EndpointUnfit, "Insufficient Balance"),
        (error(403, "预扣费额度失败, 用户剩余额度不足"), EndpointUnfit, "no money"),
        (error(429, "余额不足或无可用资源包,请充值。", "1113"), EndpointUnfit, "no money"),
        (error(429, "please check your plan", "exceeded_current_quota_error"), EndpointUnfit, "no money"),
        (error(400, "Access denied, your account is overdue", "Arrearage"), EndpointUnfit, "no money"),
        (error(400, "response_format is not supported"), Unsupported, "response_format"),
    ],
)
def test_a_refusal_says_what_it_means(answer: Answer, kind: type[Exception], words: str):
    request = Request(HI.messages, HI.sampling, schema={"type": "object"})
    with Endpoint(lambda body, n: answer) as endpoint, pytest.raises(kind, match=words):
        anyio.run(load(f"openai:stub@{endpoint.url}").generate, request)


def test_what_an_endpoint_refuses_is_learned_once_and_said():
    def picky(body: dict[str, Any], n: int) -> Answer:
        for name in ("temperature", "max_tokens"):
            if name in body:
                return error(400, f"Unsupported parameter: '{name}' is not supported with this model.", None, name)
        return Answer(f"{body['max_completion_tokens']}")

    async def twice(model_name: str) -> tuple[str, list[str]]:
        model = load(model_name)
        with scope("run") as run:
            for _ in range(2):
                reply = await model.generate(HI.with_sampling(temperature=0.3))
        return reply.text, list(run.notes)

    with Endpoint(picky) as endpoint:
        text, notes = anyio.run(twice, f"openai:stub@{endpoint.url}")
        requests = endpoint.stats.requests
    assert (text, requests) == ("50", 4)
    assert len(notes) == 1
    assert "takes no temperature" in notes[0]


def test_the_callers_own_seed_is_sent_or_refused_and_a_derived_one_may_be_left_out():
    def no_seed(body: dict[str, Any], n: int) -> Answer:
        return error(400, "unknown parameter: seed", None, "seed") if "seed" in body else Answer("ok")

    async def below_an_item(name: str) -> str:
        with scope("run"), sub_path("item 1"):
            return (await load(name).generate(HI.with_sampling(seed=1))).text

    with Endpoint(no_seed) as endpoint:
        name = f"openai:stub@{endpoint.url}"
        assert anyio.run(below_an_item, name) == "ok"
        with pytest.raises(Unsupported, match="takes no seed"):
            anyio.run(load(name).generate, HI.with_sampling(seed=1))


def test_a_dead_endpoint_is_told_at_once():
    with pytest.raises(BadInput, match="nothing answers at"):
        anyio.run(load("openai:stub@http://127.0.0.1:9/v1").generate, HI)


def test_keys_are_used_in_turn_and_a_refused_one_is_left_out(monkeypatch: pytest.MonkeyPatch):
    seen: list[str] = []
    with Endpoint() as endpoint:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-good,sk-bad,sk-fine")
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
        model = load("openai:stub")

        def judged(body: dict[str, Any], n: int) -> Answer:
            seen.append(endpoint.stats.keys[-1])
            return error(401, "no such key") if seen[-1].endswith("sk-bad") else Answer("ok")

        endpoint.behaviour = judged

        async def several() -> None:
            for _ in range(8):
                assert (await model.generate(HI)).text == "ok"

        anyio.run(several)
    assert set(seen) == {"Bearer sk-good", "Bearer sk-bad", "Bearer sk-fine"}
    assert seen.count("Bearer sk-bad") == 1


def test_no_secret_reaches_names_errors_or_the_ledger(monkeypatch: pytest.MonkeyPatch, tmp_path: Any):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-verysecret")
    with Endpoint(first_then(error(500, "oops"), 0)) as endpoint:
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
        model = load("openai:stub")
        with use_ledger(tmp_path / "ledger.db"):
            anyio.run(model.generate, HI.with_sampling(seed=1))
        assert endpoint.stats.keys == ["Bearer sk-verysecret"]
    assert "secret" not in model.name
    for file in tmp_path.iterdir():
        assert b"verysecret" not in file.read_bytes()
    with pytest.raises(RecipeError, match="no user and no password"):
        load("openai:stub@http://me:pw@127.0.0.1:9/v1")


def test_a_missing_key_names_its_variable(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("DEEPSEEK_API_KEY", raising=False)
    with pytest.raises(MissingKey, match="export DEEPSEEK_API_KEY"):
        load("deepseek:deepseek-chat")


def test_thirty_percent_faults_and_every_item_finishes_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("JIELONG_TIMEOUT", "0.5")
    texts: dict[int, str] = {}
    lost: list[int] = []

    async def all_items(name: str) -> None:
        model = load(name)

        async def one(i: int) -> None:
            try:
                reply = await model.generate(Request((Message("user", f"item {i}"),)))
                assert i not in texts
                texts[i] = reply.text
            except EndpointGaveUp:
                lost.append(i)

        async with anyio.create_task_group() as tasks:
            for i in range(150):
                tasks.start_soon(one, i)

    with Endpoint(numbered, faults=0.3, seed=1) as endpoint:
        anyio.run(all_items, f"openai:stub@{endpoint.url}")
    assert len(texts) + len(lost) == 150
    assert len(lost) <= 2


def test_cancelling_closes_the_connection():
    arrived = threading.Event()

    def late(body: dict[str, Any], n: int) -> Answer:
        arrived.set()
        return Answer("late", seconds=3600)

    async def cancelled(endpoint: Endpoint) -> str:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(load(f"openai:stub@{endpoint.url}").generate, HI)
            assert await anyio.to_thread.run_sync(arrived.wait, PATIENCE)
            tasks.cancel_scope.cancel()
        return await anyio.to_thread.run_sync(lambda: endpoint.ended.get(timeout=PATIENCE))

    with Endpoint(late) as endpoint:
        assert anyio.run(cancelled, endpoint) == "cancelled"
        assert (endpoint.stats.requests, endpoint.stats.in_flight) == (1, 0)


def test_two_threads_with_loops_of_their_own():
    got: list[str] = []
    with Endpoint() as endpoint:
        model = load(f"openai:stub@{endpoint.url}")
        threads = [threading.Thread(target=lambda: got.append(anyio.run(model.generate, HI).text)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert got == ["echo: hi"] * 4
