"""The ledger: one record of every call; from it follow the cache, going on, single flight and replay."""

from __future__ import annotations

import asyncio
import copy
import json
import os
import pickle
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jielong import call_context
from jielong.call_context import sub_path
from jielong.contract import (
    Image,
    Message,
    Reply,
    Request,
    Sampling,
    Source,
    Step,
    Text,
    Thinking,
    TokenLogprob,
    ToolCall,
    ToolSpec,
    Usage,
)
from jielong.errors import BadInput, DamagedFile, EndpointGaveUp
from jielong.models.scripted import Scripted
from jielong.runtime.home import home_folder
from jielong.runtime.ledger import Ledger, LedgerRow, _LongRequests, call_key, use_ledger, with_derived_seed
from jielong.runtime.ledger_json import decode_reply, encode_reply, encode_request
from jielong.runtime.ledger_threads import LedgerThreads
from jielong.runtime.provider import AttemptFailed
from jielong.runtime.runtime import active_runtime
from jielong.runtime.trace import trace_lines
from jielong.scope import scope
from jielong.techniques.self_consistency import self_consistency

pytestmark = pytest.mark.anyio


def asked(text: str = "How much?", *, seed: int | None = 1) -> Request:
    return Request((Message("user", text),), Sampling(max_tokens=20, seed=seed, temperature=1.0))


def rows(file: Path) -> list[LedgerRow]:
    with Ledger(file) as ledger:
        return list(ledger.rows())


# --- single flight ----------------------------------------------------------------------------------------------------


async def test_equal_calls_at_the_same_moment_are_one_call(tmp_path: Path) -> None:
    model = Scripted("once", seconds=0.01)
    replies: list[Reply] = []

    async def one() -> None:
        replies.append(await model.generate(asked()))

    with use_ledger(tmp_path / "l.db"), scope("all") as all_of_them:
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(one)
    assert len(model.requests) == 1
    assert [reply.text for reply in replies] == ["once"] * 20
    usage = all_of_them.usage
    assert (usage.calls, usage.cached_calls) == (20, 19), "calls that were made = calls - cached_calls"


async def test_without_a_seed_every_call_is_one_of_its_own(tmp_path: Path) -> None:
    model = Scripted("often")
    with use_ledger(tmp_path / "l.db"):
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(model.generate, asked(seed=None))
    assert len(model.requests) == 20
    assert len({row.key for row in rows(tmp_path / "l.db")}) == 20


async def test_a_leader_that_is_cancelled_hands_over(tmp_path: Path) -> None:
    model = Scripted("from the second", seconds=lambda _: 3600.0 if len(model.requests) == 1 else 0.0)
    replies: list[Reply] = []
    with use_ledger(tmp_path / "l.db"):
        async with anyio.create_task_group() as tasks:
            leader = anyio.CancelScope()

            async def lead() -> None:
                with leader:
                    await model.generate(asked())

            async def follow() -> None:
                replies.append(await model.generate(asked()))

            tasks.start_soon(lead)
            await anyio.wait_all_tasks_blocked()
            for _ in range(10):
                tasks.start_soon(follow)
            await anyio.wait_all_tasks_blocked()
            assert len(model.requests) == 1
            leader.cancel()
    assert len(model.requests) == 2
    assert [reply.text for reply in replies] == ["from the second"] * 10
    assert sorted(row.state for row in rows(tmp_path / "l.db")) == ["cut", "done"]


async def test_a_leader_that_fails_fails_alone_and_the_next_one_asks(tmp_path: Path) -> None:
    def reply(request: Request) -> str:
        if len(model.requests) == 1:
            raise EndpointGaveUp("not me")
        return "here"

    model = Scripted(reply, seconds=0.001)
    said: list[str] = []

    async def one() -> None:
        try:
            said.append((await model.generate(asked())).text)
        except EndpointGaveUp as error:
            said.append(str(error))

    with use_ledger(tmp_path / "l.db"):
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(one)
    assert sorted(said) == ["here"] * 4 + ["not me"]
    assert len(model.requests) == 2


def test_equal_calls_from_two_threads_are_one_call(tmp_path: Path) -> None:
    model = Scripted("once", seconds=0.02)
    barrier = threading.Barrier(4)
    said: list[str] = []
    with use_ledger(tmp_path / "l.db") as ledger:
        from jielong.runtime.ledger import ActiveRun

        def run() -> None:
            async def main() -> None:
                with call_context.replace(active_run=ActiveRun(ledger, "run")):
                    said.append((await model.generate(asked())).text)

            barrier.wait()
            anyio.run(main)

        threads = [threading.Thread(target=run) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert said == ["once"] * 4
    assert len(model.requests) == 1


# --- seeds and paths --------------------------------------------------------------------------------------------------


async def test_at_the_root_the_callers_own_seed_is_sent_and_beneath_it_a_derived_one() -> None:
    model = Scripted("x")
    await model.generate(asked(seed=42))
    for path in ((0,), (1,), ("judge",), (0, 0)):
        with sub_path(*path):
            await model.generate(asked(seed=42))
    seeds = [request.sampling.seed for request in model.requests]
    assert seeds[0] == 42
    assert len(set(seeds)) == 5
    assert all(seed is not None and 0 <= seed < 2**31 for seed in seeds)


def test_derived_seeds_are_fixed_for_ever() -> None:
    """A ledger of today must replay with the version of tomorrow."""
    assert with_derived_seed(asked(seed=42), (0,)).sampling.seed == 848575529
    assert with_derived_seed(asked(seed=42), ("item-7", 3)).sampling.seed == 1672951064
    assert with_derived_seed(asked(seed=None), (0,)).sampling.seed is None


@pytest.mark.parametrize("change", [
    {"messages": (Message("user", "Other"),)}, {"sampling": Sampling(seed=2)}, {"tools": (ToolSpec("t"),)},
    {"schema": {"type": "object"}}, {"messages": (Message("user", (Text("How much?"), Image(b"1"))),)},
])  # fmt: skip
async def test_whatever_is_asked_differently_is_another_call(tmp_path: Path, change: dict[str, object]) -> None:
    from dataclasses import replace

    model = Scripted("x")
    with use_ledger(tmp_path / "l.db"):
        await model.generate(asked())
        await model.generate(replace(asked(), **change))  # type: ignore[arg-type]
        await Scripted("x", identity="another").generate(asked())
    assert len(model.requests) == 2
    assert len(rows(tmp_path / "l.db")) == 3


# --- runs -------------------------------------------------------------------------------------------------------------


async def test_an_interrupted_run_goes_on_and_a_finished_one_begins_anew(tmp_path: Path) -> None:
    file, model = tmp_path / "l.db", Scripted("x")
    with Ledger(file) as ledger:
        run = ledger.begin("same work", "what it is")
        assert ledger.begin("same work", "what it is") == run
        assert ledger.begin("other work", "what it is") != run
    with use_ledger(file, run), scope("first") as first:
        await model.generate(asked())
    with use_ledger(file, run) as ledger, scope("again") as again:
        await model.generate(asked())
        ledger.finish(run)
    with Ledger(file) as ledger:
        new = ledger.begin("same work", "what it is")
    assert new != run
    with use_ledger(file, new), scope("anew") as anew:
        await model.generate(asked())
    assert len(model.requests) == 1
    assert again.usage == first.usage
    assert (first.usage.cached_calls, anew.usage.cached_calls) == (0, 1)
    assert anew.usage.output_tokens == first.usage.output_tokens


async def test_a_reply_from_the_ledger_is_heard_when_streamed(tmp_path: Path) -> None:
    model = Scripted("one two")
    with use_ledger(tmp_path / "l.db"):
        await model.generate(asked())
        async with model.stream(asked()) as events:
            said = [event async for event in events]
    assert [getattr(event, "text", None) for event in said] == ["one two", "one two"]
    assert len(model.requests) == 1


async def test_every_call_is_there_before_its_reply_is_used(tmp_path: Path) -> None:
    file = tmp_path / "l.db"
    seen: list[int] = []

    class Watched(Scripted):
        async def generate(self, request: Request) -> Reply:
            reply = await super().generate(request)
            seen.append(len(rows(file)))
            return reply

    with use_ledger(file):
        await (Watched("Answer: 1") | self_consistency(n=5, adaptive=False)).generate(asked())
    assert sorted(seen)[-1] == 5
    assert all(count >= i + 1 for i, count in enumerate(seen))


async def test_failed_and_cut_calls_are_rows_too_with_the_words_and_the_bound(tmp_path: Path) -> None:
    def reply(request: Request) -> str:
        if "broken" in request.messages[0].text:
            raise AttemptFailed("the line is dead", after=0.0, unsettled=True)
        raise EndpointGaveUp("no")

    model = Scripted(reply)
    slow = Scripted("x", seconds=3600)
    with use_ledger(tmp_path / "l.db"):
        for text in ("broken", "refused"):
            with pytest.raises(EndpointGaveUp):
                await model.generate(asked(text))
        with anyio.move_on_after(0.01):
            await slow.generate(asked("slow"))
    broken, refused, cut = rows(tmp_path / "l.db")
    most = model.max_cost(asked("broken")).tokens
    assert most is not None
    assert (broken.state, broken.usage["unsettled_calls"], broken.bound_tokens) == ("cut", 8, 8 * most)
    assert broken.error == "scripted:test gave up after 8 attempts: the line is dead"
    assert (refused.state, refused.error, refused.bound_tokens) == ("failed", "no", None)
    assert (cut.state, cut.error, cut.bound_tokens) == ("cut", "cancelled", slow.max_cost(asked("slow")).tokens)


async def test_rows_can_be_asked_for_by_run_and_by_the_beginning_of_their_key(tmp_path: Path) -> None:
    model = Scripted("x")
    for run in ("a", "b"):
        with use_ledger(tmp_path / "l.db", run):
            for i in range(3):
                await model.generate(asked(f"{run}{i}"))
    with Ledger(tmp_path / "l.db") as ledger:
        assert len(list(ledger.rows(run="b"))) == 3
        one = list(ledger.rows())[4]
        assert list(ledger.rows(key=one.key[:10])) == [one]
        assert list(ledger.rows(key="no such key")) == []


async def test_a_call_and_its_trace_are_found_without_reading_the_whole_ledger(tmp_path: Path) -> None:
    statements: list[str] = []
    with Ledger(tmp_path / "l.db") as ledger:
        for i, (state, text) in enumerate([("done", "first"), ("failed", "no")]):
            reply = Reply(Message("assistant", text)) if state == "done" else None
            ledger.put(
                f"key{i}",
                "run",
                "p",
                "{}",
                usage=Usage(calls=1),
                reply=encode_reply(reply) if reply else None,
                error=text,
            )
        ledger._db.set_trace_callback(statements.append)
        steps = tuple(Step("p", Usage(calls=1), call=f"key{i}") for i in range(3))
        lines = list(trace_lines(Reply(Message("assistant", ""), steps=steps), ledger))
        by_beginning = [row.key for row in ledger.rows(key="key")]
        assert [row.key for row in ledger.rows(run="run")] == by_beginning
        ledger._db.set_trace_callback(None)
        plans = [ledger._db.execute(f"explain query plan {sql}").fetchall() for sql in statements]
    assert [line.rpartition("tokens")[2].strip() for line in lines] == ["", "first", "no", ""]
    assert by_beginning == ["key0", "key1"]
    lookups = [plan for sql, plan in zip(statements, plans, strict=True) if "from calls" in sql]
    assert len(lookups) >= 6
    assert not [plan for plan in lookups if any(line[3].startswith("SCAN calls") for line in plan)]
    assert all(any("USING INDEX" in line[3] for line in plan) for plan in lookups)


async def test_two_processes_worth_of_ledgers_write_one_file(tmp_path: Path) -> None:
    """The second `done` row for one key is kept as failed, so a key has one reply for ever."""
    file = tmp_path / "l.db"
    with Ledger(file) as one, Ledger(file) as other:
        for ledger, text in ((one, "first"), (other, "second")):
            ledger.put(
                "key", "run", "p", "{}", usage=Usage(calls=1), reply=encode_reply(Reply(Message("assistant", text)))
            )
        kept = other.find("key", decode_reply)
    assert kept is not None
    assert kept.result.text == "first"
    assert [row.state for row in rows(file)] == ["done", "failed"]


# --- long rows --------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def lock_held(ledger: Ledger) -> AsyncIterator[threading.Event]:
    """Somebody else is at the file until the event is set."""
    taken, end = threading.Event(), threading.Event()

    def hold() -> None:
        with ledger._lock:
            taken.set()
            end.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    taken.wait(30)
    try:
        yield end
    finally:
        end.set()
        thread.join()


@pytest.mark.parametrize("length", [10, 300_000])
async def test_the_loop_goes_on_while_somebody_else_is_at_the_file(tmp_path: Path, length: int) -> None:
    model = Scripted("x" * length)
    replies: list[Reply] = []

    async def one() -> None:
        replies.append(await model.generate(asked("y" * length)))

    with use_ledger(tmp_path / "l.db") as ledger, anyio.fail_after(30):
        async with lock_held(ledger) as end, anyio.create_task_group() as tasks:
            tasks.start_soon(one)
            await anyio.sleep(0.01)
            assert not replies, "a reply is used once it is written down"
            end.set()
        assert [len(reply.text) for reply in replies] == [length]
        assert [row.state for row in ledger.rows()] == ["done"]


@pytest.mark.parametrize("native", [False, True], ids=["by its scope", "by its task"])
async def test_a_row_whose_caller_is_cancelled_while_it_waits_is_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, native: bool
) -> None:
    model, file = Scripted("x" * 300_000), tmp_path / "l.db"
    cancelled, submitted, submit = anyio.CancelScope(), anyio.Event(), LedgerThreads.submit

    def noted(threads: LedgerThreads, work: Any, **more: Any) -> Any:
        submitted.set()
        return submit(threads, work, **more)

    monkeypatch.setattr(LedgerThreads, "submit", noted)

    async def one() -> None:
        with cancelled:
            await model.generate(asked(seed=None))

    with use_ledger(file) as ledger, anyio.fail_after(30), scope("all") as around:
        async with lock_held(ledger):
            task = asyncio.ensure_future(one())
            await submitted.wait()
            if native:
                task.cancel()
            else:
                cancelled.cancel()
            await asyncio.wait([task])
    assert [row.state for row in rows(file)] == ["done"]
    assert around.usage.calls == 1


async def test_samples_of_a_long_request_are_encoded_once_and_have_the_keys_of_short_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys: list[list[tuple[str, str]]] = []
    encoded: list[int] = []

    def noted(request: Request) -> Any:
        encoded.append(id(request))
        return encode_request(request)

    monkeypatch.setattr("jielong.runtime.ledger.encode_request", noted)
    for long in (100, 10**9):
        monkeypatch.setattr("jielong.runtime.ledger.LONG", long)
        request = asked('a "long" 话\n' * 20_000)
        keys.append([call_key("m", "generate", request, {}, (i,)) for i in range(5)])
    assert keys[0] == keys[1]
    assert len({key for key, _ in keys[0]}) == 5
    assert len(encoded) == 1 + 5
    del request
    assert not active_runtime().get(_LongRequests)._known


def test_the_log_is_moved_into_the_database_by_another_thread_while_rows_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jielong.runtime.ledger.LOG_BYTES", 200_000)
    file, log = tmp_path / "l.db", tmp_path / "l.db-wal"
    with Ledger(file) as ledger:
        for i in range(300):
            ledger.put(f"key{i}", "run", "p", json.dumps({"x": "x" * 50_000}), usage=Usage(calls=1), error="no")
            if i % 20 == 0 and ledger._threads._moving:
                ledger._threads._moving.result(30)
        assert file.stat().st_size > 10_000_000
        assert log.stat().st_size < 10_000_000, "the log begins anew once all of it was moved"
        assert len(list(ledger.rows())) == 300
    assert len(rows(file)) == 300


# --- what goes wrong --------------------------------------------------------------------------------------------------


def test_a_file_that_is_no_ledger_is_said_to_be_damaged_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "l.db"
    file.write_bytes(b"this is not a database, but it is long enough to be read as one" * 100)
    before = file.read_bytes()
    with pytest.raises(DamagedFile, match=r"l\.db is damaged \(file is not a database\); move it away to start a new"):
        Ledger(file)
    assert file.read_bytes() == before


async def test_a_damaged_page_and_a_damaged_row_are_said_to_be_damaged(tmp_path: Path) -> None:
    file, model = tmp_path / "l.db", Scripted("x")
    with use_ledger(file):
        for i in range(50):
            await model.generate(asked(str(i) * 100))
    with sqlite3.connect(file) as db:
        db.execute("update calls set reply = '{\"message\": 3}'")
    with use_ledger(file), pytest.raises(DamagedFile, match=r"is damaged \(call [0-9a-f]{12}\)"):
        await model.generate(asked("0" * 100))
    db.close()
    whole = file.read_bytes()
    file.write_bytes(whole[:4096] + os.urandom(len(whole) - 4096))
    with pytest.raises(DamagedFile, match="malformed"), use_ledger(file):
        await model.generate(asked("0" * 100))


def test_a_folder_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"cannot be written: unable to open database file; free space or set"):
        Ledger(tmp_path / "no" / "such" / "l.db")


def test_a_file_that_may_not_be_written_is_one_clear_line(tmp_path: Path) -> None:
    with Ledger(tmp_path / "l.db") as ledger:
        ledger._db.execute("pragma query_only = on")
        with pytest.raises(BadInput, match="cannot be written: attempt to write a readonly database"):
            ledger.begin("x", "y")


async def test_a_full_database_stops_everything_with_one_clear_line(tmp_path: Path) -> None:
    model = Scripted("word " * 15)
    with use_ledger(tmp_path / "l.db") as ledger:
        ledger._db.execute("pragma max_page_count = 20")
        with pytest.raises(BadInput, match=r"cannot be written: database or disk is full; free space or set"):
            await _until_full(model)
    kept = rows(tmp_path / "l.db")
    assert kept
    assert all(row.state == "done" for row in kept)


async def _until_full(model: Scripted) -> None:
    for i in range(10_000):
        await model.generate(asked(f"{i} " * 200))


@pytest.fixture
def small_disk(tmp_path: Path):  # type: ignore[no-untyped-def]
    """A file system of 256 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = shutil.which("mount")
    options = ["-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if not mount or subprocess.run([mount, *options], capture_output=True).returncode != 0:
        pytest.skip("needs the right to mount a tmpfs")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


async def test_a_full_disk_stops_everything_with_one_clear_line(small_disk: Path) -> None:
    model = Scripted("word " * 15)
    with pytest.raises(BadInput, match=r"cannot be written: .*; free space or set JIELONG_HOME") as raised:
        with use_ledger(small_disk / "l.db"):
            await _until_full(model)
    assert "\n" not in str(raised.value)
    assert raised.value.__suppress_context__


def test_no_key_or_secret_reaches_the_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from endpoint import Endpoint
    from jielong.recipe import load

    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    with Endpoint() as stub:
        monkeypatch.setenv("OPENAI_BASE_URL", stub.url)
        with use_ledger(tmp_path / "l.db"):
            load("openai:stub").ask("What is the key?", seed=1)
        assert stub.stats.keys == ["Bearer sk-very-secret"]
    assert rows(tmp_path / "l.db")
    for file in tmp_path.iterdir():
        assert b"sk-very-secret" not in file.read_bytes()


def test_home_is_made_ignored_by_git_and_can_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIELONG_HOME", str(tmp_path / "here"))
    assert home_folder() == tmp_path / "here"
    assert (tmp_path / "here" / ".gitignore").read_text() == "*\n"
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("JIELONG_HOME", str(tmp_path / "file"))
    with pytest.raises(BadInput, match=r"cannot write to .*; set JIELONG_HOME to a folder you own"):
        home_folder()


# --- JSON and back ----------------------------------------------------------------------------------------------------

TEXT = st.text(max_size=8)
PART = st.one_of(
    st.builds(Text, TEXT), st.builds(Thinking, TEXT, st.none() | TEXT), st.builds(Image, st.binary(max_size=8), TEXT)
)
MESSAGE = st.builds(
    Message,
    st.sampled_from(["system", "user", "assistant", "tool"]),
    TEXT | st.lists(PART, max_size=3).map(tuple),
    st.lists(st.builds(ToolCall, TEXT, TEXT, TEXT), max_size=2).map(tuple),
    st.none() | TEXT,
    st.none() | TEXT,
)
COUNT = st.integers(0, 10**9)
USAGE = st.builds(Usage, *[COUNT] * 8, st.none() | st.floats(0, 1e6), st.floats(0, 1e6))
TOP = st.lists(st.tuples(TEXT, st.floats(-50, 0)), max_size=2)
LOGPROBS = st.lists(
    st.builds(
        TokenLogprob, TEXT, st.floats(-50, 0), st.lists(st.tuples(TEXT, st.floats(-50, 0)), max_size=2).map(tuple)
    ),
    max_size=3,
).map(tuple)


@given(st.builds(Reply, MESSAGE, st.sampled_from(["stop", "length"]), USAGE, st.just(()), st.none() | LOGPROBS,
                 st.lists(st.builds(Source, TEXT, COUNT, COUNT), max_size=2).map(tuple)))  # fmt: skip
def test_a_reply_survives_the_ledger(reply: Reply) -> None:
    again = decode_reply(json.loads(json.dumps(encode_reply(reply), ensure_ascii=False)))
    assert again == reply
    assert again.usage.seconds == reply.usage.seconds


JSON = st.recursive(st.none() | st.booleans() | st.integers() | TEXT, lambda inner: st.lists(inner, max_size=2))
OBJECT = st.dictionaries(TEXT, JSON, max_size=2)
SAMPLING = st.builds(
    Sampling,
    temperature=st.none() | st.floats(0, 2),
    max_tokens=st.none() | st.integers(1, 9),
    reasoning_effort=st.none() | st.sampled_from(["low", "high"]),
    extra=OBJECT,
)
REQUEST = st.builds(Request, st.lists(MESSAGE, min_size=1, max_size=2).map(tuple), SAMPLING, schema=st.none() | OBJECT)


@given(REQUEST, REQUEST)
def test_two_requests_are_written_alike_only_if_they_are_equal(one: Request, other: Request) -> None:
    def written(request: Request) -> str:
        return json.dumps(encode_request(request), sort_keys=True)

    assert (written(one) == written(other)) == (one == other)
    assert written(one) == written(replace(one, sampling=replace(one.sampling)))
    assert hash(one) == hash(replace(one))


@pytest.mark.parametrize("change", [
    {"messages": (Message("user", "x", name="Ann"),)},
    {"messages": (Message("user", (Thinking("x", "signed"),)),)},
    {"sampling": Sampling(reasoning_effort="low")},
    {"sampling": Sampling(extra={"top_k": 5})},
    {"sampling": Sampling(extra={"top_k": 6})},
])  # fmt: skip
def test_every_setting_is_part_of_the_key(change: dict[str, Any]) -> None:
    plain = Request((Message("user", "x"),), Sampling(seed=1))
    sampling = replace(change.get("sampling", plain.sampling), seed=1)
    other = replace(plain, **{**change, "sampling": sampling})
    assert call_key("m", "generate", other, {}, ())[0] != call_key("m", "generate", plain, {}, ())[0]


def test_an_extra_setting_cannot_be_changed_afterwards() -> None:
    settings: dict[str, Any] = {"top_k": 5}
    sampling = Sampling(extra=settings)
    settings["top_k"] = 6
    assert sampling.extra == {"top_k": 5}
    with pytest.raises(TypeError, match="cannot be changed"):
        sampling.extra["top_k"] = 7  # type: ignore[index]
    assert copy.deepcopy(sampling) == pickle.loads(pickle.dumps(sampling)) == sampling


def test_a_request_is_written_with_all_that_it_holds() -> None:
    tool = ToolSpec("t", "d", {"type": "object"})
    request = Request(
        (Message("user", (Text("x"), Image(b"1"))),), Sampling(temperature=0.0, stop=("a",)), (tool,), "t", {}
    )
    said = encode_request(request)
    assert said["sampling"] == {"temperature": 0.0, "stop": ("a",)}
    assert (said["tool_choice"], said["schema"]) == ("t", {})
    assert said["messages"][0]["content"][1] == {"image": "MQ==", "mime": "image/png"}
