"""An endpoint behind the pages and examples: it calculates wrongly unless it is asked to think, and grades replies."""

from __future__ import annotations

import json
import re
from typing import Any

from endpoint import Answer

THINK = ("step by step", "一步一步")


def tutor(body: dict[str, Any], n: int) -> Answer:
    said = "\n".join(str(message["content"]) for message in body["messages"])
    if "Grade the answer" in said or "评分" in said or "打分" in said:
        return Answer("Grade: 9" if "because" in said else "Grade: 4")
    found = re.findall(r"(\d+) \* (\d+) \+ (\d+)", said)
    if not found:
        return Answer("I do not know.")
    a, b, c = map(int, found[-1])
    if any(words in said for words in THINK):
        return Answer(f"because {a} * {b} = {a * b}, the answer is {a * b + c}")
    return Answer(f"The answer is {a * b + c + (a + b) % 3}")


def rows(header: str, *, answers: bool = True) -> str:
    """A hundred rows under the columns of `header`."""
    lines = [header]
    for i in range(100):
        a, b, c = 2 + i % 9, 3 + i % 7, i
        lines.append(f"What is {a} * {b} + {c}?" + (f",{a * b + c}" if answers else ""))
    return "\n".join(lines) + "\n"


def found_in(folder: Any) -> dict[str, Any]:
    """The outcome in a result folder, which has its report beside it."""
    assert (folder / "report.html").stat().st_size < 1_000_000
    said: dict[str, Any] = json.loads((folder / "outcome.json").read_text("utf-8"))
    return said
