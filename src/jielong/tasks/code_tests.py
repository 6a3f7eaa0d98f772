"""Tests of code that a model wrote, run in the sandbox and nowhere else, and out of reach of that code."""

import re
import textwrap
from dataclasses import dataclass

from ..sandbox import SandboxLimits, run_tests

LIMITS = SandboxLimits(seconds=10.0)


@dataclass(frozen=True)
class Tests:
    """Code that decides whether a reply's code is right: it uses what that code defines, and fails by an exception."""

    code: str
    prompt: str = ""  # put before a reply that only completes it
    entry_point: str | None = None


async def passes_tests(tests: Tests, code: str) -> bool:
    """Whether all tests hold for the program. Raises SandboxMissing where they cannot be run safely."""
    program = whole(tests, code)
    outcome = await run_tests(
        program, tests.code, prelude=tests.prompt, entry_point=tests.entry_point or "", limits=LIMITS
    )
    return outcome.status == "ok"


def whole(tests: Tests, code: str) -> str:
    """The reply's program; a reply that only completes the prompt is put behind it."""
    if not tests.prompt:
        return code
    if tests.entry_point and re.search(rf"^\s*(?:async )?def {re.escape(tests.entry_point)}\b", code, re.M):
        return "".join(f"{line}\n" for line in tests.prompt.splitlines() if re.match(r"(?:import|from)\s", line)) + code
    return tests.prompt + (code if re.match(r"(?:\s*\n)?[ \t]+\S", code) else textwrap.indent(code, "    "))
