"""Graph of thoughts: the best ways are merged, and the merged one has to earn its place."""

from __future__ import annotations

import pytest

from jielong.contract import Message, Request, Sampling
from jielong.errors import BadInput
from jielong.models.scripted import Scripted
from jielong.techniques.search.graph_of_thoughts import graph_of_thoughts

pytestmark = pytest.mark.anyio
MERGED = "sort both halves\njoin them"


def ask(text: str) -> Request:
    return Request((Message("user", text),), Sampling(seed=1, max_tokens=200))


def model(worth: str) -> Scripted:
    """Two ways of value 5 are merged into one of value `worth`."""

    def reply(request: Request) -> str:
        text = request.messages[-1].text
        if "next steps" in text:
            return "sort the left half\nsort the right half"
        if "Merge these ways" in text:
            assert "Way 1:\nsort the left half\n\nWay 2:\nsort the right half" in text
            return f"1. {MERGED}"
        if "How likely" in text:
            return worth if MERGED in text else "5"
        return text

    return Scripted(reply)


async def test_the_answer_goes_on_from_the_merged_way_when_it_is_the_best() -> None:
    reply = await (model("9") | graph_of_thoughts(depth=1)).generate(ask("Sort this."))
    assert reply.text == f"Sort this.\n\nSteps so far:\n{MERGED}\n\nGo on from these steps and give the final answer."


async def test_a_merged_way_of_lower_value_is_left() -> None:
    reply = await (model("1") | graph_of_thoughts(depth=1)).generate(ask("Sort this."))
    assert "Steps so far:\nsort the left half\n\nGo on" in reply.text


async def test_the_bound_is_what_the_worst_case_takes() -> None:
    counted = iter(range(10**6))
    base = Scripted(
        lambda r: (
            "5" if "Reply with the number" in r.messages[-1].text else "\n".join(f"a {next(counted)}" for _ in "1234")
        )
    )
    searched = base | graph_of_thoughts(breadth=2, depth=3)
    await searched.generate(ask("Why?"))
    assert len(base.requests) == searched.max_calls()


async def test_what_cannot_hold_is_refused() -> None:
    with pytest.raises(BadInput, match="graph_of_thoughts: depth=0; expected at least 1"):
        await (Scripted("x") | graph_of_thoughts(depth=0)).generate(ask("?"))
