"""Work in a process of its own: results, limits, cancelling, several at once."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import pytest

from jielong.errors import Unsupported, WorkStopped
from jielong.killable_worker import KillableWorker

FUNCTIONS = """
import os, sys, time
def prepare():
    def work(what, *arguments):
        if what == "loop":
            while True: pass
        if what == "allocate":
            return len(bytearray(8 << 30))
        if what == "crash":
            os.abort()
        if what == "print":
            print("not a result")
        if what == "keys":
            return [name for name in os.environ if "KEY" in name]
        if what == "deep":
            return work(what)
        if what == "long":
            return "x" * (65 << 20)
        if what == "sleep":
            time.sleep(arguments[0])
        return list(arguments)
    return work
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("functions")
    (folder / "worker_functions.py").write_text(FUNCTIONS)
    return folder


@pytest.fixture
def new_worker(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., KillableWorker]]:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    workers: list[KillableWorker] = []

    def new(name: str = "prepare", seconds: float = 30.0, processes: int = 1) -> KillableWorker:
        workers.append(KillableWorker(f"worker_functions:{name}", seconds, 2 << 30, processes))
        return workers[-1]

    yield new
    for worker in workers:
        worker.close()


def test_results_come_back_and_every_way_of_failing_is_one_error_after_which_it_works(
    new_worker: Callable[..., KillableWorker],
) -> None:
    worker = new_worker()

    async def all_of_them() -> None:
        assert await worker.call("give", 1, "two \ud800", [3.5, None]) == [1, "two \ud800", [3.5, None]]
        warm = worker.idle()
        assert await worker.call("print") == []
        assert await worker.call("keys") == []
        with pytest.raises(WorkStopped, match="RecursionError"):
            await worker.call("deep")
        assert worker.idle() is warm
        for what, reason in (("allocate", "more than 2,048 MB"), ("crash", "crashed"), ("long", "over 67,108,864")):
            with pytest.raises(WorkStopped, match=reason):
                await worker.call(what)
            assert await worker.call("give") == []
        worker.seconds = 0.2
        with pytest.raises(WorkStopped, match=r"it took over 0\.2 s"):
            await worker.call("loop")

    anyio.run(all_of_them)


def test_a_cancelled_call_is_killed_and_the_next_one_does_not_wait_for_it(
    new_worker: Callable[..., KillableWorker],
) -> None:
    worker = new_worker()

    async def cancelled() -> None:
        await worker.call("give")
        process = worker.idle()
        assert process
        with anyio.move_on_after(0.05):
            await worker.call("sleep", 1000)
        assert await worker.call("give", "after") == ["after"]
        assert process.poll() is not None

    started = time.monotonic()
    anyio.run(cancelled)
    assert time.monotonic() - started < 25


def test_calls_run_side_by_side_in_as_many_processes_as_there_may_be(new_worker: Callable[..., KillableWorker]) -> None:
    worker = new_worker(processes=2)

    async def two_of_which_one_hangs() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(worker.call, "sleep", 1000)
            await anyio.lowlevel.checkpoint()
            assert await worker.call("give", 1) == [1]
            tasks.cancel_scope.cancel()

    anyio.run(two_of_which_one_hangs)


def test_what_cannot_start_says_how_to_see_why(new_worker: Callable[..., KillableWorker]) -> None:
    with pytest.raises(Unsupported, match="see why with: .*worker_functions:nothing"):
        anyio.run(new_worker("nothing").call)
