"""The calculator: the value of one arithmetic expression, computed in the embedded sandbox."""

from __future__ import annotations

import ast
import re

from ...prompts import Language, catalogue
from ...sandbox import SandboxLimits, evaluate_expression
from .tool import Arguments, Tool, ToolFailed, ToolResult

LIMITS = SandboxLimits(seconds=2.0, memory_mb=64, output_bytes=10_000)
LONGEST = 1_000  # characters of an expression
_SIGNS = str.maketrans({"×": "*", "÷": "/", "−": "-", "–": "-", "（": "(", "）": ")", "，": ",", "＋": "+"})
_MATH = "import math\nfrom math import cos, e, exp, factorial, gcd, log, log10, log2, pi, sin, sqrt, tan\n"


def calculator(language: Language) -> Tool:
    words = catalogue(language)["calculator"]
    parameters = {"type": "object", "properties": {"expression": {"type": "string"}}, "required": ["expression"]}
    return Tool("calculator", words["description"], parameters, _calculate, _check, pure=True, shown=words["shown"])


def _check(arguments: Arguments) -> Arguments:
    if set(arguments) != {"expression"} or not isinstance(arguments["expression"], str):
        raise ToolFailed("invalid", {"problems": "expression: string"})
    return arguments


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
        why = outcome.stderr.strip().splitlines()[-1:] or [outcome.status]
        raise ToolFailed("raised", {"error": why[0][:200]})
    try:
        value = ast.literal_eval(outcome.value)
    except (ValueError, SyntaxError):
        value = None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ToolFailed("no_number", {"value": outcome.value[:100]})
    return ToolResult(repr(value) if isinstance(value, int) else f"{value:.12g}")
