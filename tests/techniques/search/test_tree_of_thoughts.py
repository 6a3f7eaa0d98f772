"""Tree of thoughts against models whose every reply is known: what is searched, what is dropped, what is answered."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from jielong.contract import Message, Model, Reply, Request, Sampling
from jielong.errors import BadInput, Unsupported
from jielong.models.scripted import Scripted
from jielong.scope import scope
from jielong.tasks.expression_check import makes_target
from jielong.techniques.search.games import Thought
from jielong.techniques.search.tree_of_thoughts import tree_of_thoughts
from jielong.world import arithmetic_game
from jielong.world.vocabulary import SampleRandom
from laws.laws import LAWS

pytestmark = pytest.mark.anyio
PROPOSE, VALUE = "Write the next steps", "How likely?"


def ask(text: str, seed: int = 1) -> Request:
    return Request((Message("user", text),), Sampling(seed=seed, max_tokens=200))


def puzzles(n: int) -> list[tuple[int, ...]]:
    rng = SampleRandom(4, "en", held_out=True)
    return [arithmetic_game.sample_puzzle(rng, 4) for _ in range(n)]


def asked_about(text: str) -> tuple[int, ...]:
    found = re.search(r"Numbers: ([\d, -]+)\. Target", text)
    assert found, text
    return tuple(sorted(map(int, found[1].split(", "))))


def player(value: Callable[[tuple[int, ...]], bool] = arithmetic_game.reachable, keep: int = 100) -> Scripted:
    """Knows the rules: proposes moves in an order without meaning, values positions by `value`."""

    def reply(request: Request) -> str:
        text = request.messages[-1].text
        if "Target: 24" not in text:
            return "I do not know."
        numbers = asked_about(text)
        if "sure or impossible" in text:
            return "sure" if value(numbers) else "impossible"
        moves = arithmetic_game.moves(numbers)
        random.Random(str(numbers)).shuffle(moves)
        return "\n".join(move.text for move in moves[:keep])

    return Scripted(reply)


def question(numbers: Iterable[int]) -> Request:
    return ask(f"Use {', '.join(map(str, numbers))}, each exactly once, with + - * / to make 24.")


async def solved(model: Model, all_puzzles: list[tuple[int, ...]]) -> int:
    right = 0
    for numbers in all_puzzles:
        reply = await model.generate(question(numbers))
        right += int(makes_target(reply.text, numbers, 24).value)
    return right


@pytest.mark.parametrize("strategy", ["beam", "dfs", "mcts"])
async def test_a_player_who_judges_well_solves_every_puzzle(strategy: str) -> None:
    model = player() | tree_of_thoughts(strategy=strategy, game="game24", k=60, visits=12)
    assert await solved(model, puzzles(12)) == 12


@pytest.mark.parametrize("strategy", ["beam", "dfs", "mcts"])
async def test_values_by_lot_at_the_same_breadth_solve_fewer(strategy: str) -> None:
    judged = player() | tree_of_thoughts(strategy=strategy, game="game24", k=60, breadth=2)
    by_lot = player() | tree_of_thoughts(strategy=strategy, game="game24", k=60, breadth=2, judge="random")
    assert await solved(by_lot, puzzles(12)) <= await solved(judged, puzzles(12)) - 5


async def test_steps_that_break_the_rules_are_never_followed() -> None:
    lies = "4+5=24\n5*5=25\n10-4=5\n4*10=41\nI would add 4 and 5.\n11+13=24"
    base = Scripted(lambda request: lies if "four next steps" in request.messages[-1].text else "Answer: (10-4)*4")
    reply = await (base | tree_of_thoughts(game="game24")).generate(question((4, 5, 6, 10)))
    assert reply.text == "Answer: (10-4)*4"
    assert [request.messages[-1].text for request in base.requests] == [
        "Numbers: 4, 5, 6, 10. Target: 24. Write four next steps, a line each.",
        question((4, 5, 6, 10)).messages[-1].text,
    ]


async def test_what_is_left_is_computed_and_not_believed() -> None:
    base = Scripted(lambda request: "10-4=6 (left: 24)" if "four" in request.messages[-1].text else "impossible")
    await (base | tree_of_thoughts(game="game24", breadth=1)).generate(question((4, 5, 6, 10)))
    assert base.requests[1].messages[-1].text.startswith("Numbers: 5, 6, 6. Target: 24. Can")


async def test_two_ways_to_one_position_are_asked_about_once() -> None:
    base = player()
    await (base | tree_of_thoughts(game="game24", k=60, breadth=5, judge="random")).generate(question((3, 3, 8, 8)))
    positions = [asked_about(r.messages[-1].text) for r in base.requests if "four" in r.messages[-1].text]
    assert len(positions) == len(set(positions)) > 3


async def test_depth_first_turns_back_from_what_is_hopeless() -> None:
    """Of the two first steps the judge calls one hopeless; below the other there is nothing: two are expanded."""

    def reply(request: Request) -> str:
        text = request.messages[-1].text
        if "Target" not in text:
            return "I do not know."
        if "sure or impossible" in text:
            return "impossible" if asked_about(text) == (6, 9, 10) else "sure"
        return "4+5=9\n4*5=20" if asked_about(text) == (4, 5, 6, 10) else "nothing comes to mind"

    base = Scripted(reply)
    await (base | tree_of_thoughts(strategy="dfs", game="game24", visits=10)).generate(question((4, 5, 6, 10)))
    expanded = [asked_about(r.messages[-1].text) for r in base.requests if "four" in r.messages[-1].text]
    assert expanded == [(4, 5, 6, 10), (6, 10, 20)]


async def test_monte_carlo_leaves_a_branch_that_disappoints() -> None:
    """A first step that looks best leads to nothing but low values; a beam of one stays there, UCT goes elsewhere."""
    below = {"start": "a\nb", "a": "a1\na2", "a1": "a11", "a2": "a21", "b": "b1", "b1": "goal"}

    class Maze:
        goes_on = False

        def begin(self, request):  # type: ignore[no-untyped-def]
            return Thought((), "start")

        def propose(self, request, thought, n, words):  # type: ignore[no-untyped-def]
            return request.follow_up(Message("user", f"from {thought.position}"))

        def follow(self, thought, line):  # type: ignore[no-untyped-def]
            return Thought((*thought.steps, line), line)

        def judge(self, request, thought, words):  # type: ignore[no-untyped-def]
            return request.follow_up(Message("user", f"value {thought.position}"))

        def verdict(self, text):  # type: ignore[no-untyped-def]
            return float(text)

        def ended(self, thought):  # type: ignore[no-untyped-def]
            return False

        def solution(self, request, thought):  # type: ignore[no-untyped-def]
            return "found " + " ".join(thought.steps) if thought.position == "goal" else None

    def reply(request: Request) -> str:
        verb, _, place = request.messages[-1].text.partition(" ")
        if verb == "value":
            return {"a": "0.9", "b": "0.6"}.get(place, "0.1" if place.startswith("a") else "0.6")
        return below.get(place, "") if verb == "from" else "lost"

    async def found(strategy: str) -> str:
        searched = tree_of_thoughts(strategy=strategy, game=Maze(), breadth=2 if strategy == "mcts" else 1, visits=6)
        return (await (Scripted(reply) | searched).generate(ask("Where is the goal?"))).text

    assert await found("beam") == "lost"
    assert await found("mcts") == "found b b1 goal"


async def test_free_reasoning_answers_from_the_steps_of_highest_value() -> None:
    def reply(request: Request) -> str:
        text = request.messages[-1].text
        if "next steps" in text:
            return "1. think of apples\n2) think of pears\n- think of nuts"
        if "How likely" in text:
            return "9" if text.endswith(f"think of apples\nthink of pears\n\n{VALUE}") else "2"
        return text

    searched = tree_of_thoughts(depth=2, value=VALUE)
    said = (await (Scripted(reply) | searched).generate(ask("Which fruit?"))).text
    assert said == (
        "Which fruit?\n\nSteps so far:\nthink of apples\nthink of pears\n\n"
        "Go on from these steps and give the final answer."
    )


async def test_the_bound_is_what_the_worst_case_takes() -> None:
    counted = iter(range(10**6))

    def reply(request: Request) -> str:
        if "Write" in request.messages[-1].text:
            return "\n".join(f"step {next(counted)}" for _ in range(9))
        return "5"

    for options in (
        {},
        {"breadth": 2, "depth": 4},
        {"samples": 3, "breadth": 2, "k": 2},
        {"strategy": "mcts", "visits": 5},
        {"judge": "random"},
    ):
        base = Scripted(reply)
        model = base | tree_of_thoughts(**options)  # type: ignore[arg-type]
        await model.generate(ask("Why?"))
        assert len(base.requests) == model.max_calls(), options


async def test_several_replies_propose_together_and_are_samples_of_their_own() -> None:
    """Yao et al.'s way of drawing steps independently: what was proposed twice is asked about once."""

    def reply(request: Request) -> str:
        text = request.messages[-1].text
        if "next step" in text:
            return "10-4=6" if (request.sampling.seed or 0) % 2 else "4*6=24"
        return "impossible"

    base = Scripted(reply)
    searched = tree_of_thoughts(game="game24", samples=5, depth=1, propose="One next step of {numbers}.")
    await (base | searched).generate(question((4, 5, 6, 10)))
    proposing = [r for r in base.requests if "next step" in r.messages[-1].text]
    assert [r.messages[-1].text for r in proposing] == ["One next step of 4, 5, 6, 10."] * 5
    assert len({r.sampling.seed for r in proposing}) == 5
    assert {r.sampling.temperature for r in proposing} == {0.7}
    valued = [r.messages[-1].text for r in base.requests if "impossible" in r.messages[-1].text]
    assert sorted(valued) == [f"Numbers: {n}. Target: 24. Can it be reached? Say sure or impossible."
                              for n in ("5, 10, 24", "5, 6, 6")]  # fmt: skip


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
async def test_it_keeps_the_laws_with_several_replies(law: Callable[..., Any]) -> None:
    await law(lambda model: model | tree_of_thoughts(samples=3, breadth=2, depth=2, k=3))


async def test_a_question_that_is_no_puzzle_is_searched_freely_and_the_report_says_so() -> None:
    base = Scripted("3")
    with scope("test") as here:
        await (base | tree_of_thoughts(game="game24")).generate(ask("How many days are in 24 hours?"))
    assert any("none of game24" in note for note in here.notes)
    assert all("Target" not in request.messages[-1].text for request in base.requests)


async def test_a_chinese_puzzle_is_asked_about_in_chinese() -> None:
    def reply(request: Request) -> str:
        text = request.messages[-1].text
        if "能得到吗" in text:
            return "能"
        numbers = re.search(r"数字：([\d、]+)。", text)
        assert numbers, text
        return {"4、5、6、10": "10-4=6", "5、6、6": "5*6=30", "6、30": "30-6=24"}[numbers[1]]

    reply_text = (await (Scripted(reply) | tree_of_thoughts(game="game24")).generate(
        ask("用4、5、6、10，每个数恰好用一次，通过 + - * / 得到24。请写出步骤。"))).text  # fmt: skip
    assert reply_text == "10-4=6\n5*6=30\n30-6=24\n答案：(5*(10-4))-6"


async def test_what_cannot_hold_is_refused() -> None:
    with pytest.raises(Unsupported, match="JSON schema"):
        asked = question((4, 5, 6, 10))
        await (Scripted("x") | tree_of_thoughts(game="game24")).generate(
            Request(asked.messages, asked.sampling, schema={"type": "object"})
        )
    with pytest.raises(BadInput, match="breadth=0; expected at least 1"):
        await (Scripted("x") | tree_of_thoughts(breadth=0)).generate(ask("?"))


async def test_a_lost_value_ranks_last() -> None:
    def reply(request: Request) -> str | Reply:
        text = request.messages[-1].text
        if PROPOSE in text:
            return "go left\ngo right"
        if VALUE in text:
            return Reply(Message("assistant", "10"), "length") if "go left" in text else "1"
        return "right" if "go right" in text and "go left" not in text else "left"

    searched = tree_of_thoughts(depth=1, propose=PROPOSE, value=VALUE)
    assert (await (Scripted(reply) | searched).generate(ask("Which way?"))).text == "right"
