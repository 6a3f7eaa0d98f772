"""A process that runs foreign code: its input, its bounded output, its end.

At the time limit, at a flood of output and when its task is cancelled, its whole process group is killed.
"""

import contextlib
import marshal
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import anyio
from anyio.abc import ByteReceiveStream, Process

from .program_result import SandboxLimits, Status

_MOST_FILES = 10_000
_MODULES = ("plain_values", "judged_program", "test_runner")


@dataclass(frozen=True)
class Work:
    """What a sandbox is to run: a program, or `main(*task)` of one of this room's modules that run inside."""

    program: str = ""
    module: str = ""
    task: tuple[str, ...] = ()


TRIAL = Work("print(6 * 7)")


@dataclass(frozen=True)
class Ended:
    code: int | None
    stdout: str
    stderr: str
    timed_out: bool
    exceeded: Status | None
    seconds: float

    @property
    def status(self) -> Status:
        if self.exceeded:
            return self.exceeded
        if self.timed_out or self.code in (128 + signal.SIGXCPU, -signal.SIGXCPU):
            return "timeout"
        if self.code == 0:
            return "ok"
        return "memory" if (self.stderr.strip().splitlines() or [""])[-1].startswith("MemoryError") else "error"


class Sandbox(Protocol):
    def files(self, pid: int) -> int:
        """How many files the program has in its folder; `pid` is the command's."""

    def command(self, work: Work, limits: SandboxLimits) -> AbstractContextManager[tuple[list[str], list[int]]]:
        """A command that runs it, and the descriptors that it inherits."""


async def run(sandbox: Sandbox, work: Work, limits: SandboxLimits, stdin: bytes | socket.socket = b"") -> Ended:
    """`stdin` is text, or a socket that becomes the standard input and is closed here."""
    started = time.monotonic()
    read = _Reader(limits.output_bytes)
    with sandbox.command(work, limits) as (command, descriptors):
        source = subprocess.PIPE if isinstance(stdin, bytes) else stdin.fileno()
        process = await anyio.open_process(command, stdin=source, pass_fds=descriptors, start_new_session=True, env={})
        if isinstance(stdin, socket.socket):
            stdin.close()
        timed_out = False
        try:
            with anyio.move_on_after(limits.seconds) as clock:
                async with anyio.create_task_group() as watching:
                    watching.start_soon(_watch, sandbox, process, read)
                    async with anyio.create_task_group() as tasks:
                        if isinstance(stdin, bytes):
                            tasks.start_soon(_feed, process, stdin)
                        tasks.start_soon(read.all, process, process.stdout, read.stdout)
                        tasks.start_soon(read.all, process, process.stderr, read.stderr)
                    await process.wait()
                    watching.cancel_scope.cancel()
            timed_out = clock.cancelled_caught
        finally:
            with anyio.CancelScope(shield=True):
                _kill(process)
                await process.wait()
                await process.aclose()
    stdout, stderr = read.stdout.decode(errors="replace"), read.stderr.decode(errors="replace")
    return Ended(process.returncode, stdout, stderr, timed_out, read.exceeded, time.monotonic() - started)


class _Reader:
    def __init__(self, most: int) -> None:
        self.left = most
        self.exceeded: Status | None = None
        self.stdout, self.stderr = bytearray(), bytearray()

    async def all(self, process: Process, stream: ByteReceiveStream | None, into: bytearray) -> None:
        assert stream
        async for chunk in stream:
            into += chunk[: max(0, self.left)]
            self.left -= len(chunk)
            if self.left < 0:
                self.exceeded = "output"
                _kill(process)
                return


async def _watch(sandbox: Sandbox, process: Process, read: _Reader) -> None:
    """Each file takes a kilobyte of the kernel's memory, which no limit of a process counts."""
    await anyio.sleep(0.1)
    while sandbox.files(process.pid) < _MOST_FILES:  # noqa: ASYNC110 - nothing tells of them
        await anyio.sleep(0.03)
    read.exceeded = "memory"
    _kill(process)


async def _feed(process: Process, stdin: bytes) -> None:
    assert process.stdin
    with contextlib.suppress(anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
        await process.stdin.send(stdin)
        await process.stdin.aclose()


def _kill(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def problem_of(command: list[str], descriptors: list[int]) -> str | None:
    """Why a sandbox does not run a program that prints 42, in its own last words; None where it does."""
    no_input = subprocess.DEVNULL
    trial = subprocess.run(
        command, pass_fds=descriptors, stdin=no_input, capture_output=True, text=True, timeout=20, env={}
    )
    if trial.stdout.strip() == "42":
        return None
    return (trial.stderr.strip().splitlines() or ["it printed nothing"])[-1]


def limits_of(limits: SandboxLimits) -> list[tuple[str, int]]:
    megabyte = 1_000_000
    return [
        ("RLIMIT_AS", limits.memory_mb * megabyte),
        ("RLIMIT_FSIZE", limits.file_mb * megabyte),
        ("RLIMIT_CPU", int(limits.seconds) + 1),
        ("RLIMIT_NOFILE", 64),
        ("RLIMIT_CORE", 0),
    ]


@contextlib.contextmanager
def sent(work: Work, settings: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """What `python -c` is to be given to run the work, and the descriptor that it reads it from.

    Everything is compiled here, once, as compiling would be part of every start.
    """
    modules = [(name, _compiled(name)) for name in _MODULES[: _MODULES.index(work.module) + 1]] if work.module else []
    content = (_compiled("start"), {**settings, "modules": modules, "program": work.program, "task": work.task})
    with in_memory("program", marshal.dumps(content)) as descriptor:
        yield (
            (
                f"import marshal\nwith open({descriptor}, 'rb') as f: _code, _settings = marshal.loads(f.read())\n"
                "_names = {}\nexec(_code, _names)\n_names['main'](**_settings)"
            ),
            descriptor,
        )


@cache
def _compiled(name: str) -> Any:
    source = Path(__file__).with_name("inside").joinpath(f"{name}.py").read_text("utf-8")
    return compile(source, f"<{name}>", "exec", dont_inherit=True, optimize=2)


@contextlib.contextmanager
def in_memory(name: str, content: bytes) -> Iterator[int]:
    descriptor = os.memfd_create(name)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(content)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)
