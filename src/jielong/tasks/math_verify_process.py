"""math-verify (Kydlíček et al. 2025) in a process of its own, which is killed when a comparison takes too long.

Symbolic comparison can run for ever: `9^{9^{9}}` is one. Only LaTeX is parsed: no path leads to sympy's `eval`.
"""

import os
import re
from collections.abc import Callable
from typing import Any

from ..errors import Unsupported, WorkStopped
from ..killable_worker import KillableWorker
from ..runtime.runtime import active_runtime
from ..scope import note

COMPARER = "jielong.tasks.math_verify_process:comparer"
SECONDS = 2.0
MEMORY = 4 << 30  # bytes of address space; 9**9**9 is to fail, not to swap


async def equal(gold: str, answer: str) -> bool:
    """Whether two mathematical texts mean the same; works from any event loop. A comparison that is killed, as it takes
    over 2 seconds, counts as not equal, and the report says so. Raises Unsupported where math-verify does not start."""
    try:
        return bool(await worker().call(gold, answer))
    except WorkStopped as stopped:
        note(f"a comparison of mathematical answers counts as not equal: {stopped}")
        return False
    except Unsupported as error:
        raise Unsupported(f"mathematical answers cannot be compared, as math-verify does not start: {error}") from None


def worker() -> KillableWorker:
    return active_runtime().get(KillableWorker, COMPARER, SECONDS, MEMORY)


_LATEX = {"π": r"\pi ", "∞": r"\infty ", "≤": r"\le ", "≥": r"\ge ", "∪": r"\cup ", "∩": r"\cap ", "×": r"\times "}
_LATEX |= {"−": "-", "·": r"\cdot ", "÷": r"\div ", "$": ""}


def latex(text: str) -> str:
    r"""What people type as LaTeX: `2√3` is `2\sqrt{3}`, `sqrt(2)` is `\sqrt{2}`, `(-∞, 3]` is `(-\infty, 3]`."""
    text = re.sub(r"√\s?\{?(\d{1,40}(?:\.\d{1,40})?|[A-Za-z])\}?", r"\\sqrt{\1}", text)
    text = re.sub(r"(?:√|(?<![\\A-Za-z])sqrt)\s?\(([^()]{1,100})\)", r"\\sqrt{\1}", text)
    text = re.sub(r"(?<![\\A-Za-z])(sin|cos|tan|log|ln|exp|pi|infty)(?![A-Za-z])", r"\\\1 ", text)
    return "".join(_LATEX.get(c, c) for c in text)


def comparer() -> Callable[[str, str], bool]:
    """What compares in the process of its own."""
    from math_verify import LatexExtractionConfig, parse, verify

    alarm = 1 if hasattr(os, "fork") else None  # seconds; elsewhere it would start a process for each comparison

    def same(gold: str, answer: str) -> bool:
        options = {"fallback_mode": "no_fallback", "parsing_timeout": alarm}
        try:
            sides = [parse(f"${latex(side)}$", [LatexExtractionConfig()], **options) for side in (gold, answer)]
            equal = all(sides) and bool(verify(*sides, strict=True, timeout_seconds=alarm))
            return equal and _close(sides[0][0], sides[1][0])
        except RecursionError:
            return False

    same("\\frac{1}{2}", "0.5")  # the first one is slow: parsers are built
    return same


def _close(a: Any, b: Any) -> bool:
    """math-verify rounds to six places: it takes e^{-50} for e^{-60}. Numbers must be alike in proportion, too."""
    if not (getattr(a, "is_number", False) and getattr(b, "is_number", False)) or b == 0 or a == b:
        return True
    return bool(abs((a / b).evalf(20) - 1) < 1e-5)
