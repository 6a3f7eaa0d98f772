"""Inside the sandbox, before anything foreign: takes away what is still there, then runs what was sent.

It imports as little as it can: this is part of every start.
"""

import sys
from types import CodeType
from typing import Any


def main(
    limits: list[tuple[str, int]], identity: int | None, modules: list[tuple[str, CodeType]], program: str, task: Any
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
