"""bubblewrap: a whole Python in namespaces of its own. No network, no /proc, nothing mounted but Python's own files.

The program gets a private /tmp, no environment, no capabilities, no right to start processes (seccomp), and limits on
memory, CPU time and file size that it cannot raise. At the time limit its whole process group is killed.
"""

import contextlib
import os
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import anyio
from anyio.abc import ByteReceiveStream, Process

from . import seccomp
from .program_path import find_program
from .program_result import ProgramResult, SandboxLimits, Status

_SYSTEM_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache")
_START = """
import resource as r
for name, most in {limits}:
    r.setrlimit(getattr(r, name), (most, most))
import runpy
runpy.run_path("/tmp/program.py", run_name="__main__")
"""


async def run(code: str, stdin: str, limits: SandboxLimits) -> ProgramResult:
    started = time.monotonic()
    read = _Reader(limits.output_bytes)
    with _command(code, limits) as (command, descriptors):
        process = await anyio.open_process(command, pass_fds=descriptors, start_new_session=True, env={})
    timed_out = False
    try:
        with anyio.move_on_after(limits.seconds) as clock:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_feed, process, stdin)
                tasks.start_soon(read.all, process, process.stdout, read.stdout)
                tasks.start_soon(read.all, process, process.stderr, read.stderr)
            await process.wait()
        timed_out = clock.cancelled_caught
    finally:
        with anyio.CancelScope(shield=True):
            _kill(process)
            await process.wait()
            await process.aclose()
    stdout, stderr = read.stdout.decode(errors="replace"), read.stderr.decode(errors="replace")
    status = _status(process.returncode, timed_out, read.flooded, stderr)
    return ProgramResult(status, stdout, stderr, None, time.monotonic() - started, "bubblewrap")


class _Reader:
    def __init__(self, most: int) -> None:
        self.left, self.flooded = most, False
        self.stdout, self.stderr = bytearray(), bytearray()

    async def all(self, process: Process, stream: ByteReceiveStream | None, into: bytearray) -> None:
        assert stream
        async for chunk in stream:
            into += chunk[: max(0, self.left)]
            self.left -= len(chunk)
            if self.left < 0:
                self.flooded = True
                _kill(process)
                return


async def _feed(process: Process, stdin: str) -> None:
    assert process.stdin
    with contextlib.suppress(anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
        await process.stdin.send(stdin.encode())
        await process.stdin.aclose()


def _kill(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _status(code: int | None, timed_out: bool, flooded: bool, stderr: str) -> Status:
    if flooded:
        return "output"
    if timed_out or code in (128 + signal.SIGXCPU, -signal.SIGXCPU):
        return "timeout"
    if code == 0:
        return "ok"
    return "memory" if (stderr.strip().splitlines() or [""])[-1].startswith("MemoryError") else "error"


@contextlib.contextmanager
def _command(code: str, limits: SandboxLimits) -> Iterator[tuple[list[str], list[int]]]:
    """The command, and the descriptors of two files in memory that bwrap reads: the program and the filter."""
    descriptors = [_in_memory("program", code.encode())]
    if rules := seccomp.seccomp_program():
        descriptors.append(_in_memory("filter", rules))
    try:
        yield _arguments(limits, *map(str, descriptors)), descriptors
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _in_memory(name: str, content: bytes) -> int:
    descriptor = os.memfd_create(name)
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _arguments(limits: SandboxLimits, program: str, *seccomp_filter: str) -> list[str]:
    megabyte = 1_000_000
    bounds = [
        ("RLIMIT_AS", limits.memory_mb * megabyte),
        ("RLIMIT_FSIZE", limits.file_mb * megabyte),
        ("RLIMIT_CPU", int(limits.seconds) + 1),
        ("RLIMIT_NOFILE", 64),
        ("RLIMIT_NPROC", 64),
        ("RLIMIT_CORE", 0),
    ]
    return [
        *_walls(),
        *["--size", str(limits.file_mb * megabyte), "--tmpfs", "/tmp"],
        *["--ro-bind-data", program, "/tmp/program.py"],
        *["--remount-ro", "/", "--chdir", "/tmp", *(["--seccomp", *seccomp_filter] if seccomp_filter else [])],
        *[_python(), "-I", "-S", "-B", "-X", "utf8", "-c", _START.format(limits=bounds)],
    ]


@cache
def _walls() -> tuple[str, ...]:
    stdlib, dynamic = sysconfig.get_path("stdlib"), sysconfig.get_config_var("DESTSHARED") or ""
    shared = [str(library) for library in Path(sys.base_prefix, "lib").glob("libpython*.so*")]
    seen: list[str] = []
    for path in (*_SYSTEM_LIBRARIES, stdlib, dynamic, _python(), *shared):
        if path and os.path.exists(path) and path not in seen:
            seen.append(path)
    binds = [argument for path in seen for argument in ("--ro-bind", path, path)]
    hidden = [str(path) for path in (Path(stdlib, "site-packages"), Path(stdlib, "dist-packages")) if path.is_dir()]
    masks = [argument for path in hidden for argument in ("--tmpfs", path, "--remount-ro", path)]
    return (
        find_program("bwrap") or "bwrap",
        *("--unshare-all", "--unshare-user", "--uid", "65534", "--gid", "65534", "--hostname", "sandbox"),
        *("--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"),
        *("--setenv", "HOME", "/tmp", "--setenv", "LANG", "C.UTF-8"),
        *binds,
        *masks,
        *("--dir", "/dev", "--dev-bind", "/dev/null", "/dev/null", "--dev-bind", "/dev/urandom", "/dev/urandom"),
    )


@cache
def _python() -> str:
    """The interpreter behind a virtual environment."""
    return os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)


@cache
def why_unavailable() -> str | None:
    """Why bubblewrap does not work here, found out by using it; None when it does."""
    if sys.platform != "linux":
        return "bubblewrap runs on Linux only"
    if not find_program("bwrap"):
        return "bubblewrap is not installed: apt install bubblewrap"
    with _command("print(6 * 7)", SandboxLimits()) as (command, files):
        no_input = subprocess.DEVNULL
        trial = subprocess.run(command, pass_fds=files, stdin=no_input, capture_output=True, text=True, timeout=20)
    if trial.stdout.strip() == "42":
        return None
    first_line = (trial.stderr.strip().splitlines() or ["it printed nothing"])[0]
    return f"bubblewrap is installed but does not work here ({first_line}); user namespaces may be forbidden"
