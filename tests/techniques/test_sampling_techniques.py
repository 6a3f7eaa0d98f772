"""Votes and choices among samples."""

from __future__ import annotations

import hashlib
import os
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jielong.answers import RULES
from jielong.call_context import sub_path
from jielong.contract import Message, Reply, Request, Sampling, ToolCall, ToolSpec
from jielong.errors import BadInput, EndpointGaveUp, NoAnswer
from jielong.models.scripted import Scripted
from jielong.scope import scope
from jielong.techniques.best_of_n import best_of_n
from jielong.techniques.self_consistency import _chance_to_win, _samples_to_settle, self_consistency

pytestmark = pytest.mark.anyio
Asked = Callable[..., Request]

FIXED = self_consistency(n=5, adaptive=False)


def telling(*texts: Any) -> Scripted:
    """A model whose k-th sample is the k-th of these: a text, a Reply, or an error."""
    left = list(texts)

    def reply(request: Request) -> str | Reply:
        text = left.pop(0)
        if isinstance(text, Exception):
            raise text
        assert isinstance(text, str | Reply)
        return text

    return Scripted(reply)


# --- the vote ---------------------------------------------------------------------------------------------------------


async def test_the_most_common_answer_wins_with_the_first_reply_that_gave_it(asked: Asked) -> None:
    model = telling("Answer: 3", "so the answer is 4", "Answer: 4", "Answer: 3", "I get answer: 4.0")
    assert (await (model | FIXED).generate(asked())).text == "so the answer is 4"


async def test_a_tie_goes_to_the_answer_that_came_first(asked: Asked) -> None:
    model = telling("Answer: 3", "Answer: 4", "Answer: 4", "Answer: 3", "nothing here?")
    assert (await (model | FIXED(answer=RULES["number"])).generate(asked())).text == "Answer: 3"


async def test_lost_samples_have_no_vote(asked: Asked) -> None:
    cut = Reply(Message("assistant", "Answer: 9"), "length")
    model = telling(cut, cut, cut, EndpointGaveUp("dead"), "Answer: 4")
    assert (await (model | FIXED).generate(asked())).text == "Answer: 4"


async def test_when_no_vote_is_left_it_says_what_became_of_the_samples(asked: Asked) -> None:
    cut = Reply(Message("assistant", "Answer: 9"), "length")
    model = telling(cut, cut, EndpointGaveUp("dead"), "no idea", "who knows")
    words = r"none of 5 samples gave an answer \(2 × Truncated, 1 × EndpointGaveUp, 2 × no answer found in the text\)"
    with pytest.raises(NoAnswer, match=words):
        await (model | FIXED(answer=RULES["number"])).generate(asked())


async def test_tool_calls_are_ballots_by_name_and_arguments(asked: Asked) -> None:
    def calling(arguments: str) -> Reply:
        return Reply(Message("assistant", "", (ToolCall("1", "weather", arguments),)), "tool_calls")

    model = telling("Answer: 1", calling('{"a":1,"b":2}'), calling('{"b": 2, "a": 1}'), calling("{}"), "Answer: 2")
    request = Request(asked().messages, tools=(ToolSpec("weather"),))
    reply = await (model | FIXED).generate(request)
    assert reply.message.tool_calls[0].arguments == '{"a":1,"b":2}'


async def test_with_a_schema_whole_documents_are_compared(asked: Asked) -> None:
    from dataclasses import replace

    model = telling('{"a": 1, "b": 2}', '{"b": 2, "a": 1}', '{"a": 2}', '{"a": 2, "b": 3}', "not json")
    reply = await (model | FIXED).generate(replace(asked(), schema={"type": "object"}))
    assert reply.text == '{"a": 1, "b": 2}'


async def test_a_clear_vote_stops_early_and_an_open_one_goes_on(asked: Asked) -> None:
    sure, torn = Scripted("Answer: 1"), Scripted(lambda r: f"Answer: {random.Random(r.sampling.seed).randint(0, 1)}")
    voting = self_consistency(n=16)
    await (sure | voting).generate(asked())
    assert len(sure.requests) < 6
    counts = []
    for seed in range(10):
        before = len(torn.requests)
        await (torn | voting).generate(asked(seed=seed))
        counts.append(len(torn.requests) - before)
    assert max(counts) > 10


@given(st.integers(1, 20), st.integers(0, 20), st.integers(0, 12))
def test_staying_ahead_is_a_chance_and_grows_with_the_lead(lead: int, second: int, left: int) -> None:
    chance = _chance_to_win(lead, second, left)
    assert 0 <= chance <= 1 + 1e-9
    assert chance <= _chance_to_win(lead + 1, second, left) + 1e-9
    assert chance >= _chance_to_win(lead, second + 1, left) - 1e-9
    if lead > second + left:
        assert chance == 1.0
    if lead == second:
        assert chance == pytest.approx(0.5)


@settings(max_examples=200)
@given(st.lists(st.sampled_from("abc"), min_size=16, max_size=16))
def test_with_confidence_1_the_winner_is_that_of_all_samples(votes: list[str]) -> None:
    """Stopping is safe: the leader cannot be caught up any more."""
    seen: Counter[str] = Counter()
    used = 0
    while used < 16 and (wave := _samples_to_settle(seen, 16 - used, 1.0)):
        seen.update(votes[used : used + wave])
        used += wave
    (winner, lead), *others = Counter(votes).most_common()
    if not others or others[0][1] < lead:
        assert seen.most_common(1)[0][0] == winner


async def test_n_1_is_one_plain_call_at_the_callers_temperature(asked: Asked) -> None:
    model = Scripted("Answer: 1")
    await (model | self_consistency(n=1)).generate(asked(temperature=0.0))
    assert [r.sampling.temperature for r in model.requests] == [0.0]
    await (model | self_consistency(n=1)).generate(asked())
    assert model.requests[1].sampling.temperature is None


@pytest.mark.parametrize(("options", "words"), [({"n": 0}, "n=0"), ({"confidence": 0.3}, "confidence=0.3; expected")])
async def test_senseless_options_are_refused_before_anything_is_asked(
    asked: Asked, options: dict[str, Any], words: str
) -> None:
    model = Scripted("Answer: 1")
    with pytest.raises(BadInput, match=words):
        await (model | self_consistency(**options)).generate(asked())
    assert model.requests == []


def known_accuracy(request: Request) -> str:
    """For each item the chance of a right sample is drawn once; wrong ones spread over six values."""
    item = request.messages[-1].text
    chance = random.Random(item).betavariate(4, 1.5)
    rng = random.Random(hashlib.sha256(f"{item} {request.sampling.seed}".encode()).digest())
    return f"Answer: {0 if rng.random() < chance else rng.randint(1, 6)}"


async def measured(adaptive: bool, items: int, seconds: float = 0.0) -> tuple[float, int]:
    latency = random.Random(1)
    scripted = Scripted(known_accuracy, seconds=(lambda _: latency.uniform(0, seconds)) if seconds else 0.0)
    model = scripted | self_consistency(n=16, adaptive=adaptive, answer=RULES["number"])
    right = 0
    with scope("vote") as whole:
        todo = iter(range(items))

        async def work() -> None:
            nonlocal right
            for i in todo:
                with sub_path(i):
                    asked = Request((Message("user", f"item {i}"),), Sampling(temperature=1.0, seed=1))
                    reply = await model.generate(asked)
                right += reply.text == "Answer: 0"

        async with anyio.create_task_group() as tasks:
            for _ in range(32):
                tasks.start_soon(work)
    return right / items, whole.usage.input_tokens + whole.usage.output_tokens


async def test_the_adaptive_vote_is_as_good_at_less_than_half_of_the_tokens() -> None:
    """Items of known accuracy: within half a point of 16 fixed samples."""
    items = 2_000 if os.environ.get("JIELONG_FULL") == "1" else 800
    fixed, all_of_them = await measured(False, items)
    adaptive, spent = await measured(True, items)
    assert fixed > 0.9
    assert fixed - adaptive <= 0.005
    assert spent <= 0.5 * all_of_them


async def test_what_a_vote_costs_does_not_depend_on_latency() -> None:
    assert await measured(True, 100) == await measured(True, 100, seconds=0.002)


# --- the best of n ----------------------------------------------------------------------------------------------------


def graded(request: Request) -> str:
    """Answers by seed; grades an answer of 7 best."""
    if "How good" in request.messages[-1].text:
        return {"7": "10", "5": "Grade: 6"}.get(request.messages[-2].text, "no number here")
    return random.Random(request.sampling.seed).choice(["3", "5", "7"])


async def test_the_reply_with_the_best_grade_is_kept_and_equal_ones_are_graded_once(asked: Asked) -> None:
    model = Scripted(graded)
    reply = await (model | best_of_n(n=8)).generate(asked(seed=2))
    assert reply.text == "7"
    assert len(model.requests) == 8 + 3


async def test_a_grade_that_cannot_be_read_is_out_and_without_any_there_is_no_answer(asked: Asked) -> None:
    with pytest.raises(NoAnswer, match="none of 4 replies got a grade that could be read"):
        await (Scripted("words") | best_of_n(n=4)).generate(asked())


async def test_another_model_can_grade_in_words_of_ones_own(asked: Asked) -> None:
    judge = Scripted(lambda r: "9" if r.messages[-2].text == "5" else "1")
    reply = await (Scripted(graded) | best_of_n(n=8, scorer=judge, grade="From 0 to 10?")).generate(asked(seed=2))
    assert reply.text == "5"
    assert {r.messages[-1].text for r in judge.requests} == {"From 0 to 10?"}


async def test_the_rules_of_a_game_pick_the_sample_that_is_right(asked: Asked) -> None:
    question = replace(asked(), messages=(Message("user", "Use 4, 5, 6, 10, each exactly once, to make 24."),))
    model = telling("Answer: 4 * 6", "Answer: (10 - 4) * 5 - 6 = 24", "Answer: 24")
    searched = model | best_of_n(n=3, scorer="game24")
    assert searched.max_calls() == 3
    assert (await searched.generate(question)).text == "Answer: (10 - 4) * 5 - 6 = 24"


async def test_what_is_no_game_is_not_graded_and_the_report_says_so(asked: Asked) -> None:
    with scope("test") as here:
        reply = await (telling("one", "two") | best_of_n(n=2, scorer="game24")).generate(asked())
    assert reply.text == "one"
    assert any("none of game24 was not graded" in note for note in here.notes)


async def test_when_most_samples_ask_for_a_tool_the_most_common_call_wins(asked: Asked) -> None:
    call = Reply(Message("assistant", "", (ToolCall("1", "weather", "{}"),)), "tool_calls")
    request = Request(asked().messages, tools=(ToolSpec("weather"),))
    reply = await (telling("3", call, call, call) | best_of_n(n=4)).generate(request)
    assert reply.finish == "tool_calls"
