"""Whether an expression makes a number from given numbers, each used once: parsed by Python, computed exactly.

It may be written as mathematics is in LaTeX and by hand: `\times`, `×`, `·`, `x`, square brackets, `= 24` behind it.
"""

import ast
import operator
import re
from fractions import Fraction

from ..answers import RULES
from ..contract import Reply
from .item import Item
from .metric import CheckMetric, Score

LONGEST = 200
_OPERATIONS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
_SIGNS = (
    (r"\\[()\[\]]|\$|\\(?:left|right|displaystyle)\b|\\[,;!]", ""),
    (r"\\(?:times|cdot)|\\\*|[×·⋅∙]", "*"),
    (r"\\div|÷", "/"),
    (r"(?<=[\d)\s])[xX](?=[\d(\s])", "*"),
    (r"\[", "("),
    (r"\]", ")"),
    (r"=\s*-?\d+\s*$", ""),
)


def makes_target(reply_text: str, numbers: tuple[int, ...], target: int) -> Score:
    """1 if the answer of the reply uses exactly `numbers` with + - * / and makes `target`."""
    expression = RULES["exact"](reply_text) or ""
    for written, sign in _SIGNS:
        expression = re.sub(written, sign, expression)
    expression = expression.strip()
    if not expression or len(expression) > LONGEST:
        return Score(0.0, None)
    try:
        tree = ast.parse(expression, mode="eval").body
        used, value = _computed(tree)
    except (SyntaxError, ValueError, ZeroDivisionError, RecursionError):
        return Score(0.0, None)
    return Score(float(sorted(used) == sorted(numbers) and value == target), expression)


def makes_24(item: Item, reply: Reply) -> Score:
    """For an item whose accepted answer is the numbers of a puzzle."""
    return makes_target(reply.text, tuple(map(int, item.accepted[0].split())), 24)


GAME24 = CheckMetric("game24", makes_24)


def _computed(node: ast.expr) -> tuple[list[int], Fraction]:
    """The numbers of an expression and its value."""
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return [node.value], Fraction(node.value)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATIONS:
        (left, a), (right, b) = _computed(node.left), _computed(node.right)
        return left + right, _OPERATIONS[type(node.op)](a, b)
    raise ValueError("neither a number nor one of + - * /")
