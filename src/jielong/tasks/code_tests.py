"""Tests of code that a model wrote, run in the sandbox and nowhere else."""

import re
import textwrap
from dataclasses import dataclass

from ..sandbox import SandboxLimits, run_program

LIMITS = SandboxLimits(seconds=10.0)


@dataclass(frozen=True)
class Tests:
    """Code that decides whether a reply's code is right: it runs after it, and fails by an exception."""

    code: str
    prompt: str = ""  # put before a reply that only completes it
    entry_point: str | None = None


async def passes_tests(tests: Tests, code: str) -> bool:
    """Whether the program ends without an exception. Raises SandboxMissing where it cannot be run safely."""
    outcome = await run_program(f"{whole(tests, code)}\n\n{tests.code}\n", limits=LIMITS)
    return outcome.status == "ok"


def whole(tests: Tests, code: str) -> str:
    """The reply's program; a reply that only completes the prompt is put behind it."""
    if not tests.prompt:
        return code
    if tests.entry_point and re.search(rf"^\s*(?:async )?def {re.escape(tests.entry_point)}\b", code, re.M):
        return "".join(f"{line}\n" for line in tests.prompt.splitlines() if re.match(r"(?:import|from)\s", line)) + code
    return tests.prompt + (code if re.match(r"(?:\s*\n)?[ \t]+\S", code) else textwrap.indent(code, "    "))
