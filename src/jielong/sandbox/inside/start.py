"""Inside the sandbox, before anything foreign: takes away what is still there, then runs what was sent.

It imports as little as it can: this is part of every start.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # importing typing would be half of a start
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any


def main(
    limits: list[tuple[str, int]],
    modules: list[tuple[str, CodeType]],
    program: str,
    task: Any,
    identity: int | None = None,
    walls: dict[str, Any] | None = None,
) -> None:
    """`program` runs as __main__; or else the last module's `main` does, with `task` as its arguments."""
    import posix
    import resource

    for name, most in limits:
        resource.setrlimit(getattr(resource, name), (most, most))
    if identity is not None:
        posix.setgroups([])
        posix.setresgid(identity, identity, identity)
        posix.setresuid(identity, identity, identity)
    if walls is not None:
        _confine(**walls)
    names = sys.modules["__main__"].__dict__
    names.clear()
    names.update(__name__="__main__", __file__="/tmp/program.py", __builtins__=sys.modules["builtins"])
    sys.argv[:] = ["/tmp/program.py"]
    if not modules:
        exec(compile(program, "/tmp/program.py", "exec"), names)
        return
    sys.modules["sandboxed"] = type(sys)("sandboxed")
    for name, code in modules:
        module = sys.modules[f"sandboxed.{name}"] = type(sys)(f"sandboxed.{name}")
        module.__package__ = "sandboxed"
        exec(code, module.__dict__)
    module.main(*task)


_READ, _READ_FOLDER, _DEVICES_AND_PROGRAMS = 1 << 2, 1 << 3, 1 << 0 | 1 << 6 | 1 << 11


def _confine(readable: list[str], folder: str, filter: bytes) -> None:
    """What namespaces do elsewhere: Landlock for files, no capabilities, and the filter of system calls."""
    import ctypes
    import os

    libc = ctypes.CDLL(None, use_errno=True)

    def call(number: int, *arguments: Any) -> int:
        result: int = libc.syscall(number, *arguments)
        if result < 0:
            raise OSError(ctypes.get_errno(), f"Landlock: system call {number} failed")
        return result

    version = call(444, None, ctypes.c_size_t(0), 1)
    if version < 3:  # before, files elsewhere could be cut short
        raise OSError("Landlock is too old in this kernel; Linux 6.2 or later is needed")
    everything = (1 << (16 if version >= 5 else 15)) - 1
    handled = (ctypes.c_uint64 * 3)(everything, 3, 3)  # files, TCP, and signals and sockets to others
    rules = call(444, handled, ctypes.c_size_t(8 if version < 4 else 16 if version < 6 else 24), 0)
    access = {path: _READ | _READ_FOLDER if os.path.isdir(path) else _READ for path in readable}
    access |= {"/dev/null": _READ | 1 << 1, folder: everything & ~_DEVICES_AND_PROGRAMS}
    for path, rights in access.items():
        if os.path.exists(path):
            descriptor = os.open(path, os.O_PATH)
            beneath = rights.to_bytes(8, sys.byteorder) + descriptor.to_bytes(4, sys.byteorder)
            call(445, rules, 1, beneath, 0)
            os.close(descriptor)
    os.chdir(folder)
    os.environ.update(HOME=folder, TMPDIR=folder, LANG="C.UTF-8")
    no_capabilities = (0x20080522).to_bytes(4, sys.byteorder) + bytes(4)
    call(126 if os.uname().machine == "x86_64" else 91, no_capabilities, bytes(24))
    libc.prctl(38, 1, 0, 0, 0)  # no new privileges
    call(446, rules, 0)
    os.close(rules)

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("lines", ctypes.c_char_p))

    if libc.prctl(22, 2, ctypes.byref(Program(len(filter) // 8, filter)), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the filter of system calls was refused")
