"""Whether an expression makes a number from given numbers, each used once: parsed by Python, computed exactly."""

from __future__ import annotations

import ast
import re
from fractions import Fraction

from ..answers import RULES
from .task import Scored

LONGEST = 200


def makes(reply_text: str, numbers: tuple[int, ...], target: int) -> Scored:
    """1 if the answer of the reply uses exactly `numbers` with + - * / and makes `target`."""
    said = RULES["exact"](reply_text)
    expression = re.sub(r"=\s*-?\d+\s*$", "", said or "").replace("×", "*").replace("÷", "/").strip()
    if not expression or len(expression) > LONGEST:
        return Scored(0.0, None)
    try:
        tree = ast.parse(expression, mode="eval").body
        used, value = sorted(_numbers(tree)), _value(tree)
    except (SyntaxError, ValueError, ZeroDivisionError, RecursionError):
        return Scored(0.0, None)
    return Scored(float(used == sorted(numbers) and value == target), expression)


def _numbers(node: ast.expr) -> list[int]:
    if isinstance(node, ast.BinOp):
        return _numbers(node.left) + _numbers(node.right)
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return [node.value]
    raise ValueError("neither a number nor one of + - * /")


def _value(node: ast.expr) -> Fraction:
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return Fraction(node.value)
    assert isinstance(node, ast.BinOp)
    a, b = _value(node.left), _value(node.right)
    if isinstance(node.op, ast.Add):
        return a + b
    if isinstance(node.op, ast.Sub):
        return a - b
    if isinstance(node.op, ast.Mult):
        return a * b
    if isinstance(node.op, ast.Div):
        return a / b
    raise ValueError("neither + nor - nor * nor /")
