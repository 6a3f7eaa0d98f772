"""Landlock: for Linux without bubblewrap. A process that takes its own rights away before it runs a program.

It opens Python's own files and one folder that is made for it, which is also where it writes; it starts no process,
opens no socket, signals nobody, and has the limits of the other sandbox. What namespaces would give is not there: it
sees that files and processes exist, though it cannot open or reach them, and its threads, the number of its files and
what they hold together have no limit of their own.
"""

import contextlib
import platform
import sys
import tempfile
from collections.abc import Iterator
from functools import cache

from . import process, system_calls
from .bubblewrap import LIBRARIES, python, python_files
from .program_result import SandboxLimits

_WITHOUT = "chmod fchmod fchmodat kill tkill tgkill execve setuid setgid setresuid setresgid setgroups".split()


@contextlib.contextmanager
def command(work: process.Work, limits: SandboxLimits) -> Iterator[tuple[list[str], list[int]]]:
    with tempfile.TemporaryDirectory(prefix="jielong-", ignore_cleanup_errors=True) as folder:
        readable = [*LIBRARIES, *python_files(), "/dev/urandom"]
        walls = {"readable": readable, "folder": folder, "filter": system_calls.allowed(_WITHOUT)}
        with process.sent(work, {"limits": process.limits_of(limits), "walls": walls}) as (start, descriptor):
            yield [python(), "-I", "-S", "-B", "-X", "utf8", "-c", start], [descriptor]


def files(pid: int) -> int:
    return 0  # they are on the disk


@cache
def why_unavailable() -> str | None:
    """Why Landlock does not work here, found out by using it; None when it does."""
    if sys.platform != "linux" or system_calls.allowed() is None:
        return f"Landlock is not used on {sys.platform} {platform.machine()}"
    with command(process.TRIAL, SandboxLimits()) as trial:
        problem = process.problem_of(*trial)
    return problem and f"Landlock does not work here ({problem})"
