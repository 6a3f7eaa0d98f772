"""Tests in one sandbox, the program that they judge in another, and a socket between the two.

The verdict comes from the process of the tests alone, by a pipe that the program does not have.
"""

import socket
from typing import Literal

import anyio

from . import process
from .inside.test_runner import ENDED, FAILED, PASSED
from .program_result import ProgramResult, SandboxLimits, Status


async def run(
    sandbox: process.Sandbox,
    name: Literal["bubblewrap", "landlock"],
    program: str,
    tests: tuple[str, str, str],
    limits: SandboxLimits,
) -> ProgramResult:
    judged: list[process.Ended] = []
    has_ended = anyio.Event()
    theirs, ours = socket.socketpair()

    async def run_judged() -> None:
        work = process.Work(module="judged_program", task=(program,))
        judged.append(await process.run(sandbox, work, limits, theirs))
        has_ended.set()

    async with anyio.create_task_group() as both:
        both.start_soon(run_judged)
        verdict = await process.run(sandbox, process.Work(module="test_runner", task=tests), limits, ours)
        # It ends by itself when the tests are gone: then its processes are waited for, and we learn how it ended.
        with anyio.move_on_after(0.5):
            await has_ended.wait()
        both.cancel_scope.cancel()
    status, words = _outcome(verdict, judged)
    return ProgramResult(status, "", words, None, verdict.seconds, name)


def _outcome(verdict: process.Ended, judged: list[process.Ended]) -> tuple[Status, str]:
    if verdict.stdout == PASSED and verdict.code == 0:
        return "ok", ""
    words = verdict.stdout.removeprefix(FAILED)
    if verdict.exceeded or not words:
        return verdict.status if verdict.status != "ok" else "error", verdict.stderr
    if words == ENDED and judged and judged[0].status != "ok":
        return judged[0].status, judged[0].stderr or words
    return ("memory" if words.startswith("MemoryError") else "error"), words
