"""The python tool: a program in the sandbox; the model reads what it prints."""

from ...prompts import Language
from ...sandbox import SandboxLimits, run_program
from .tool import Arguments, Tool, ToolFailed, ToolResult, text_tool

LIMITS = SandboxLimits(seconds=10.0, output_bytes=200_000)


def python(language: Language) -> Tool:
    return text_tool("python", "code", _run, language, may_be_blank=True)


async def _run(arguments: Arguments) -> ToolResult:
    """Raises SandboxMissing where no sandbox can run it: nothing runs elsewhere."""
    outcome = await run_program(arguments["code"], limits=LIMITS)
    printed = outcome.stdout.strip()
    if outcome.status != "ok":
        error = (outcome.last_error_line or outcome.status)[:500]
        raise ToolFailed("raised", {"error": f"{printed[:2_000]}\n{error}" if printed else error})
    output = printed or outcome.value
    if not output:
        raise ToolFailed("printed_nothing")
    return ToolResult(output)
