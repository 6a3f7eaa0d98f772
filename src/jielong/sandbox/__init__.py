"""Where code that a model wrote may run. There is no way to run it anywhere else.

`bubblewrap` (Linux) runs whole programs, and so does Landlock where that is not installed; `monty`, which comes with
jielong, runs expressions and small programs on any system. The outcome says which it was. Where none can,
SandboxMissing is raised and nothing was run.
"""

from typing import TYPE_CHECKING, Literal

from ..errors import SandboxMissing
from .program_result import ProgramResult, SandboxLimits

if TYPE_CHECKING:
    from .process import Sandbox

__all__ = ["ProgramResult", "SandboxLimits", "available", "evaluate_expression", "run_program", "run_tests"]

_BEYOND_MONTY = ("ModuleNotFoundError", "ImportError", "NotImplementedError", "SyntaxError")


async def run_program(
    code: str,
    *,
    stdin: str = "",
    limits: SandboxLimits = SandboxLimits(),
    sandbox: Literal["auto", "bubblewrap", "landlock", "monty"] = "auto",
) -> ProgramResult:
    """Run a Python program: in bubblewrap or Landlock where they work, else in monty if it is within its subset.

    Raises SandboxMissing when no sandbox here can run it.
    """
    from . import monty, process

    problem = None
    if sandbox != "monty":
        walls, name, problem = _walls(sandbox)
        if problem is None:
            ended = await process.run(walls, process.Work(code), limits, stdin.encode())
            return ProgramResult(ended.status, ended.stdout, ended.stderr, None, ended.seconds, name)
        if sandbox != "auto":
            raise SandboxMissing(f"{problem}; the program was not run")
    return _within_monty(await monty.run(code, limits), problem)


async def run_tests(
    program: str, tests: str, *, prelude: str = "", entry_point: str = "", limits: SandboxLimits = SandboxLimits()
) -> ProgramResult:
    """Whether tests hold for a program, which cannot say so itself: status "ok" means that they all ran and held.

    Tests and program run in a sandbox each. The tests call what the program defines and compare plain values on their
    side of the wall. `prelude` is code that the tests may rely on besides: what it defines is not taken from the
    program, all but `entry_point`. Raises SandboxMissing when no sandbox here can run them.
    """
    from . import judging, monty

    walls, name, problem = _walls("auto")
    if problem is None:
        return await judging.run(walls, name, program, (tests, prelude, entry_point), limits)
    return _within_monty(await monty.run_tests(program, tests, limits), problem)


def _walls(wanted: str) -> "tuple[Sandbox, Literal['bubblewrap', 'landlock'], str | None]":
    """The better of the two that run whole programs, its name, and why it does not work."""
    from . import bubblewrap, landlock

    problem = bubblewrap.why_unavailable()
    if wanted == "landlock" or (wanted == "auto" and problem is not None and landlock.why_unavailable() is None):
        return landlock, "landlock", landlock.why_unavailable()
    return bubblewrap, "bubblewrap", problem


def _within_monty(outcome: ProgramResult, problem: str | None) -> ProgramResult:
    if problem is not None and outcome.status == "error" and outcome.stderr.startswith(_BEYOND_MONTY):
        raise SandboxMissing(f"the program needs more than the embedded sandbox has, and {problem}; it did not finish")
    return outcome


async def evaluate_expression(expression: str, *, limits: SandboxLimits = SandboxLimits()) -> ProgramResult:
    """The value of a Python expression, from the embedded sandbox."""
    from . import monty

    return await monty.run(expression, limits)


def available() -> dict[str, str | None]:
    """Each sandbox and why it does not work here; None when it does."""
    from . import bubblewrap, landlock, monty

    outcome = monty._run("6 * 7", SandboxLimits())
    works = outcome.value == "42" and outcome.seconds < 60
    problem = None if works else f"monty gave {outcome.stderr[:100]!r}"
    return {"bubblewrap": bubblewrap.why_unavailable(), "landlock": landlock.why_unavailable(), "monty": problem}
