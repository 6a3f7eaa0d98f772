"""The calculator: the value of one arithmetic expression, computed in the embedded sandbox."""

import ast
import re
from dataclasses import replace

from ...bounded_json import read_literal
from ...prompts import Language
from ...sandbox import SandboxLimits, evaluate_expression
from .tool import Arguments, Tool, ToolFailed, ToolResult, text_tool

LIMITS = SandboxLimits(seconds=2.0, memory_mb=64, output_bytes=10_000)
LONGEST = 1_000  # characters of an expression
_SIGNS = str.maketrans({"×": "*", "÷": "/", "−": "-", "–": "-", "（": "(", "）": ")", "，": ",", "＋": "+"})
_MATH = "import math\nfrom math import cos, e, exp, factorial, gcd, log, log10, log2, pi, sin, sqrt, tan\n"


def calculator(language: Language) -> Tool:
    return replace(text_tool("calculator", "expression", _calculate, language, may_be_blank=True), pure=True)


async def _calculate(arguments: Arguments) -> ToolResult:
    text = arguments["expression"]
    expression = re.sub(r"=\s*\??\s*$", "", text.translate(_SIGNS).replace("^", "**")).strip()
    try:
        if len(expression) > LONGEST:
            raise SyntaxError("too long")
        ast.parse(expression, mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ToolFailed("no_expression", {"said": text[:100]}) from None
    outcome = await evaluate_expression(_MATH + expression, limits=LIMITS)
    if outcome.status != "ok" or outcome.value is None:
        raise ToolFailed("raised", {"error": (outcome.last_error_line or outcome.status)[:200]})
    try:
        value = read_literal(outcome.value)
    except ValueError:
        value = None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ToolFailed("no_number", {"value": outcome.value[:100]})
    return ToolResult(repr(value) if isinstance(value, int) else f"{value:.12g}")
