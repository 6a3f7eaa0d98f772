"""bubblewrap: a whole Python in namespaces of its own. No network, no /proc, nothing mounted but Python's own files.

The program gets a private /tmp, no environment, no capabilities, a few system calls (system_calls.py), and limits on
memory, processes, CPU time and file size that it cannot raise. For root it runs as a user who is nobody else on this
machine; where that is forbidden, and for everybody else, in a user namespace.
"""

import contextlib
import os
import random
import sys
import sysconfig
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Literal

from . import process, system_calls
from .program_path import find_program
from .program_result import SandboxLimits

Identity = Literal["user", "user namespace"]
LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache")
_STRANGERS = 1_900_000_000, 2_100_000_000  # user ids that no account has


def command(
    work: process.Work, limits: SandboxLimits
) -> contextlib.AbstractContextManager[tuple[list[str], list[int]]]:
    return _command(work, limits, identity() or "user namespace")


@contextlib.contextmanager
def _command(work: process.Work, limits: SandboxLimits, as_whom: Identity) -> Iterator[tuple[list[str], list[int]]]:
    with contextlib.ExitStack() as files:
        bounds = [*process.limits_of(limits), ("RLIMIT_NPROC", 64)]
        stranger = random.SystemRandom().randrange(*_STRANGERS) if as_whom == "user" else None
        start, descriptor = files.enter_context(process.sent(work, {"limits": bounds, "identity": stranger}))
        descriptors = [descriptor]
        walls = list(_walls(as_whom))
        # Where the host's root is inside all the same, /dev/null is its own, and so is its mode.
        without = ("chmod", "fchmod", "fchmodat") if os.geteuid() == 0 and stranger is None else ()
        if (rules := system_calls.allowed(without)) is not None:
            descriptors.append(files.enter_context(process.in_memory("filter", rules)))
            walls += ["--seccomp", str(descriptors[-1])]
        size = str(limits.file_mb * 1_000_000)
        tmp = ["--perms", "1777", "--size", size, "--tmpfs", "/tmp", "--remount-ro", "/", "--chdir", "/tmp"]
        yield [*walls, *tmp, python(), "-I", "-S", "-B", "-X", "utf8", "-c", start], descriptors


def files(pid: int) -> int:
    with contextlib.suppress(OSError, IndexError):
        inside = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0]
        usage = os.statvfs(f"/proc/{inside}/root/tmp")
        return usage.f_files - usage.f_ffree
    return 0  # it has just ended


@cache
def _walls(as_whom: Identity) -> tuple[str, ...]:
    binds: list[str] = []
    for path in (*LIBRARIES, *python_files()):
        if os.path.islink(path):
            binds += ["--symlink", os.readlink(path), path]
        elif os.path.exists(path):
            binds += ["--ro-bind", path, path]
    # Parents that bwrap makes by itself are closed to all but root.
    above = sorted({str(parent) for path in (*LIBRARIES, *python_files()) for parent in Path(path).parents if path})
    folders = [argument for path in above[1:] for argument in ("--dir", path) if not os.path.islink(path)]
    hidden = [str(p) for p in (Path(python_files()[0], f"{n}-packages") for n in ("site", "dist")) if p.is_dir()]
    masks = [argument for path in hidden for argument in ("--tmpfs", path, "--remount-ro", path)]
    devices = [argument for path in ("/dev/null", "/dev/urandom") for argument in ("--dev-bind", path, path)]
    privileges = ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    if as_whom == "user namespace":
        privileges = ["--unshare-user", "--uid", "65534", "--gid", "65534", "--cap-drop", "ALL"]
    return (
        find_program("bwrap") or "bwrap",
        *("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try", *privileges),
        *("--hostname", "sandbox", "--die-with-parent", "--new-session", "--clearenv"),
        *("--setenv", "HOME", "/tmp", "--setenv", "LANG", "C.UTF-8"),
        *(*folders, *binds, *masks, "--dir", "/dev", *devices),
    )


@cache
def python_files() -> tuple[str, ...]:
    """What Python needs beside the system's libraries; the standard library comes first."""
    stdlib, dynamic = sysconfig.get_path("stdlib"), sysconfig.get_config_var("DESTSHARED") or ""
    shared = [str(library) for library in Path(sys.base_prefix, "lib").glob("libpython*.so*")]
    outside = [path for path in (dynamic, python(), *shared) if not path.startswith((f"{stdlib}/", *LIBRARIES[2:4]))]
    return tuple(dict.fromkeys([stdlib, *filter(os.path.exists, outside)]))


@cache
def python() -> str:
    """The interpreter behind a virtual environment."""
    return os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)


@cache
def _tried(as_whom: Identity) -> str | None:
    with _command(process.TRIAL, SandboxLimits(), as_whom) as trial:
        return process.problem_of(*trial)


@cache
def identity() -> Identity | None:
    """Who a program is inside: for root a user of its own, if this system lets it be one; None where nothing works."""
    if sys.platform != "linux" or not find_program("bwrap"):
        return None
    if os.geteuid() == 0 and _tried("user") is None:
        return "user"
    return "user namespace" if _tried("user namespace") is None else None


@cache
def why_unavailable() -> str | None:
    """Why bubblewrap does not work here, found out by using it; None when it does."""
    if sys.platform != "linux":
        return "bubblewrap runs on Linux only"
    if not find_program("bwrap"):
        return "bubblewrap is not installed: apt install bubblewrap"
    if identity() is not None:
        return None
    why = _tried("user namespace")
    return f"bubblewrap is installed but does not work here ({why}); user namespaces may be forbidden"
