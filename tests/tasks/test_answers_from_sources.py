"""Right answers, grounded answers, and answers that say that it is not told."""

from __future__ import annotations

import math

import pytest

from jielong.contract import Message, Reply, Source
from jielong.tasks.answers_from_sources import answered, grounded
from jielong.tasks.item import Item
from jielong.tasks.metric import find_metric

pytestmark = pytest.mark.anyio
TEXT = "The Corran bridge is 1,991 metres long. It was opened in 1998 by the Queen."
ITEM = Item("1", "How long is it?", ("1,991 metres", "1991 m"), context=(TEXT,))
NOT_TOLD = Item("2", "Who designed it?", ("The text does not tell.",), context=(TEXT,))
CHINESE = Item("3", "桥有多长？", ("1991米",), context=("大桥全长1991米，1998年通车。",))


def reply(text: str, *sources: str) -> Reply:
    return Reply(Message("assistant", text), sources=tuple(Source("d", 0, len(s), s) for s in sources))


@pytest.mark.parametrize(
    ("item", "text", "right"),
    [
        (ITEM, "It is 1991 metres long.", 1), (ITEM, "1991 m", 1), (ITEM, "It is 991 metres long.", 0),
        (ITEM, "The sources do not tell.", 0), (ITEM, "11,991 metres", 0), (ITEM, "<think>1,991 metres</think> 5 m", 0),
        (NOT_TOLD, "The documents do not say who designed it.", 1), (NOT_TOLD, "文中没有说。", 1),
        (NOT_TOLD, "The Queen designed it.", 0), (NOT_TOLD, "I don't know.", 1),
        (CHINESE, "全长 1991 米。", 1), (CHINESE, "全长１９９１米", 1), (CHINESE, "资料没有提到。", 0),
    ],
)  # fmt: skip
async def test_an_answer_is_right_when_it_is_in_the_reply_or_when_it_is_rightly_refused(
    item: Item, text: str, right: int
):
    assert (await answered.score(item, reply(text))).value == right


@pytest.mark.parametrize(
    ("item", "text", "sources", "share"),
    [
        (ITEM, "The bridge is 1,991 metres long.", (), 1.0),
        (ITEM, "The bridge is 1,991 metres long. It was built by elves from cheese.", (), 0.5),
        (ITEM, "The bridge is 1,992 metres long.", (), 0.0),
        (Item("4", "How long is it?"), "The bridge is 1,991 metres long.", (), 0.0),  # made up over no document
        (Item("4", "How long is it?"), "The bridge is 1,991 metres long [1].", (TEXT,), 1.0),
        (Item("4", "How long is it?"), "I don't know.", (), 1.0),
        (Item("4", "How long is it?"), "资料中没有说。", (), 1.0),
        (ITEM, "The sources do not tell.", (), 1.0),
        (CHINESE, "大桥全长 1991 米。", (), 1.0),
        (CHINESE, "大桥是精灵用奶酪造成的。", (), 0.0),
        (ITEM, "", (), 0.0),
        (ITEM, "...", (), 0.0),
    ],
)
async def test_what_is_made_up_is_not_grounded(item: Item, text: str, sources: tuple[str, ...], share: float):
    score = await grounded.score(item, reply(text, *sources))
    assert score.value == share
    assert not math.isnan(score.value)


async def test_the_words_of_an_answer_are_counted():
    parts = (await answered.score(ITEM, reply("about 1,991 metres"))).parts
    assert parts["f1"] == pytest.approx(0.8)


async def test_both_are_known_by_their_names():
    assert [find_metric(name).name for name in ("answered", "grounded")] == ["answered", "grounded"]
