"""Where code that a model wrote may run. There is no way to run it anywhere else.

`bubblewrap` (Linux) runs whole programs; `monty`, which comes with jielong, runs expressions and small programs on any
system. The outcome says which it was. Where neither can, SandboxMissing is raised and nothing was run.
"""

from typing import Literal

from ..errors import SandboxMissing
from .program_result import ProgramResult, SandboxLimits

__all__ = ["ProgramResult", "SandboxLimits", "available", "evaluate_expression", "run_program"]

_BEYOND_MONTY = ("ModuleNotFoundError", "ImportError", "NotImplementedError", "SyntaxError")


async def run_program(
    code: str,
    *,
    stdin: str = "",
    limits: SandboxLimits = SandboxLimits(),
    sandbox: Literal["auto", "bubblewrap", "monty"] = "auto",
) -> ProgramResult:
    """Run a Python program: in bubblewrap where it works, else in monty if the program is within its subset.

    Raises SandboxMissing when no sandbox here can run it.
    """
    from . import bubblewrap, monty

    problem = bubblewrap.why_unavailable() if sandbox != "monty" else None
    if sandbox != "monty" and problem is None:
        return await bubblewrap.run(code, stdin, limits)
    if sandbox == "bubblewrap":
        raise SandboxMissing(f"{problem}; the program was not run")
    outcome = await monty.run(code, limits)
    if sandbox == "auto" and outcome.status == "error" and outcome.stderr.startswith(_BEYOND_MONTY):
        raise SandboxMissing(f"the program needs more than the embedded sandbox has, and {problem}; it did not finish")
    return outcome


async def evaluate_expression(expression: str, *, limits: SandboxLimits = SandboxLimits()) -> ProgramResult:
    """The value of a Python expression, from the embedded sandbox."""
    from . import monty

    return await monty.run(expression, limits)


def available() -> dict[str, str | None]:
    """Each sandbox and why it does not work here; None when it does."""
    from . import bubblewrap, monty

    outcome = monty._run("6 * 7", SandboxLimits())
    works = outcome.value == "42" and outcome.seconds < 60
    problem = None if works else f"monty gave {outcome.stderr[:100]!r}"
    return {"bubblewrap": bubblewrap.why_unavailable(), "monty": problem}
