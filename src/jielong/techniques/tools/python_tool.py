"""The python tool: a program in the sandbox; the model reads what it prints."""

from __future__ import annotations

from ...prompts import Language, catalogue
from ...sandbox import SandboxLimits, run_program
from .tool import Arguments, Tool, ToolFailed, ToolResult

LIMITS = SandboxLimits(seconds=10.0, output_bytes=200_000)


def python(language: Language) -> Tool:
    words = catalogue(language)["python"]
    parameters = {"type": "object", "properties": {"code": {"type": "string"}}, "required": ["code"]}
    return Tool("python", words["description"], parameters, _run, _check, shown=words["shown"])


def _check(arguments: Arguments) -> Arguments:
    if set(arguments) != {"code"} or not isinstance(arguments["code"], str):
        raise ToolFailed("invalid", {"problems": "code: string"})
    return arguments


async def _run(arguments: Arguments) -> ToolResult:
    """Raises SandboxMissing where no sandbox can run it: nothing runs elsewhere."""
    outcome = await run_program(arguments["code"], limits=LIMITS)
    printed = outcome.stdout.strip()
    if outcome.status != "ok":
        error_lines = outcome.stderr.strip().splitlines()[-1:] or [outcome.status]
        raise ToolFailed(
            "raised", {"error": "\n".join([*([printed[:2_000]] if printed else []), error_lines[0][:500]])}
        )
    output = printed or outcome.value
    if not output:
        raise ToolFailed("printed_nothing")
    return ToolResult(output)
