"""Tests of code that a model wrote, run in the sandbox and nowhere else."""

from __future__ import annotations

import re
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
    defines = tests.entry_point and re.search(rf"^\s*(?:async )?def {re.escape(tests.entry_point)}\b", code, re.M)
    if not tests.prompt:
        return code
    return f"{_imports(tests.prompt)}{code}" if defines else f"{tests.prompt}{_indented(code)}"


def _imports(prompt: str) -> str:
    return "".join(line + "\n" for line in prompt.splitlines() if re.match(r"(?:import|from)\s", line))


def _indented(code: str) -> str:
    first = next((line for line in code.splitlines() if line.strip()), "")
    return (
        code
        if first[:1].isspace()
        else "\n".join(f"    {line}" if line.strip() else line for line in code.splitlines())
    )
