"""Crosswords as a search: what gets on the board, what never does, and what the search is worth to a model."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import techniques_crosswords as squares

from jielong.contract import Message, Reply, Request, Sampling, Scores, Usage
from jielong.measuring.evaluate import compare
from jielong.models.scripted import Scripted
from jielong.prompts import catalogue
from jielong.technique import adds_output
from jielong.techniques.best_of_n import best_of_n
from jielong.techniques.prompting import premise
from jielong.techniques.search.crosswords import Board, Crosswords, board_of
from jielong.techniques.search.games import Thought
from jielong.techniques.search.tree_of_thoughts import tree_of_thoughts
from laws import refusals
from laws.laws import LAWS, prompts_are_data

pytestmark = pytest.mark.anyio
GAME = Crosswords()
ROWS = squares.SQUARES[0]
SMALL = "h1. Not yes\nh2. All right\nv1. A refusal\nv2. Very well"  # NO over OK


def ask(text: str) -> Request:
    return Request((Message("user", text),), Sampling(seed=1, max_tokens=200))


def begin(text: str) -> Thought:
    thought = GAME.begin(ask(text))
    assert thought is not None
    return thought


def followed(text: str, *lines: str) -> Thought:
    thought = begin(text)
    for line in lines:
        after = GAME.follow(thought, line)
        assert after is not None, line
        thought = after
    return thought


# ---- what the search is worth ----


class Truth:
    """A scorer that knows the square: no model grades so well, so the rival is a strong one."""

    calls = 0

    async def score(self, request: Request, replies: Sequence[Reply]) -> Scores:
        rows = next(rows for rows in squares.SQUARES if squares.puzzle(rows) == request.messages[-1].text)
        gold = squares.grid(rows)
        values = [float(sum(a == b for a, b in zip(reply.text, gold, strict=True))) for reply in replies]
        return Scores(tuple(values), Usage())


SEARCH: dict[str, Any] = {"strategy": "dfs", "game": "crosswords", "depth": 10, "visits": 60, "k": 6, "breadth": 6}


async def test_depth_first_solves_what_a_plain_answer_and_the_best_of_as_many_do_not() -> None:
    task, friend = squares.crosswords(), Scripted(squares.friend)
    searched = (await compare(task, [friend | tree_of_thoughts(**SEARCH)], seed=0)).results[0]
    calls = round(searched.usage.calls / len(task.items))
    plain, best = (await compare(task, [friend, friend | best_of_n(n=calls, scorer=Truth())], seed=0)).results
    gain = searched.against(best).ci95
    assert len(task.items) >= 30
    assert plain.accuracy.mean <= 0.1
    assert gain is not None
    assert gain[0] > 0.4, (plain.accuracy, best.accuracy, searched.accuracy)


async def test_values_by_lot_solve_fewer() -> None:
    task = squares.crosswords().sample(10, seed=0)
    models = [Scripted(squares.friend) | tree_of_thoughts(**SEARCH, judge=judge) for judge in (None, "random")]
    judged, by_lot = (await compare(task, models, seed=0)).results
    assert by_lot.accuracy.mean <= judged.accuracy.mean - 0.3


# ---- the laws ----

CLERK = {
    "yes": "h1. NO (high)\nv1. NO",
    "no": "v1. sure",
    "OK": "h2. OK (low)\nv2. OK (certain)",
    "3": "h1. maybe\nv2. sure",
    "0": "v2. impossible",
}


@adds_output(calls=lambda model, **_: model)
async def clerk(model: Any, request: Request) -> Reply:
    """Words and verdicts for the small puzzle in the place of the laws' replies."""
    reply = await model.generate(request)
    return replace(reply, message=Message("assistant", CLERK.get(reply.text, reply.text)))


@pytest.mark.parametrize("strategy", ["beam", "dfs", "mcts"])
@pytest.mark.parametrize("law", [law for law in LAWS if law is not prompts_are_data], ids=lambda law: law.__name__)
async def test_it_keeps_the_laws_while_a_puzzle_is_searched(
    law: Callable[..., Any], strategy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    joined = ("tree_of_thoughts", refusals.always, frozenset({"schema", "logprobs"}))  # the answer is a board
    monkeypatch.setattr(refusals, "REFUSALS", (*refusals.REFUSALS, joined))
    searched = tree_of_thoughts(strategy=strategy, game="crosswords", depth=4, breadth=2, k=3, samples=2)
    await law(lambda model: model | clerk | searched | premise(text=SMALL))


async def test_that_puzzle_is_searched_and_solved() -> None:
    searched = tree_of_thoughts(strategy="dfs", game="crosswords", depth=4, visits=9)
    lines = {"h1": "h1. NO", "h2": "h2. OK", "v1": "v1. NO", "v2": "v2. OK"}

    def reply(request: Request) -> str:
        text = request.messages[-1].text
        assert text.startswith(SMALL), "the caller's question is in each call"
        return "\n".join(lines.values()) if "Name up to" in text else "v1. sure"

    base = Scripted(reply)
    assert (await (base | searched).generate(ask(SMALL))).text == "N O\nO K"


# ---- the board ----


async def test_only_a_whole_square_of_clues_is_a_puzzle() -> None:
    whole = squares.puzzle(ROWS)
    assert isinstance(begin(whole).position, Board)
    for spoilt in (
        whole.replace("h3.", "h2."),
        whole.replace("v5.", "v6."),
        "\n".join(line for line in whole.splitlines() if not line.startswith("v1")),
        whole + "\nh6. One more",
        whole + "\nh1. Twice",
        "How many days has a week?",
    ):
        assert GAME.begin(ask(spoilt)) is None, spoilt


async def test_a_word_stands_where_it_was_proposed_and_crosses() -> None:
    thought = followed(squares.puzzle(ROWS), "h1. seats (high)", "- **v2:** E A T E N", "V5 - Steer (low)")
    board = board_of(thought)
    assert thought.steps == ("h1. SEATS", "v2. EATEN", "v5. STEER")
    assert [board.letters(place) for place in range(5)] == ["SEATS", "_A__T", "_T__E", "_E__E", "_N__R"]
    assert board.letters(7) == "A____"


async def test_a_place_that_crossing_words_have_spelled_still_needs_its_word() -> None:
    rows = [f"h{n}. {word}" for n, word in enumerate(ROWS, 1)]
    spelled = followed(squares.puzzle(ROWS), *rows)
    assert GAME.solution(ask(""), spelled) is None
    assert "v1. S H A V E" in GAME.judge(ask(squares.puzzle(ROWS)), spelled, None).messages[-1].text
    columns = [f"v{n}. {word}" for n, word in enumerate(squares.places(ROWS)[5:], 1)]
    named = followed(squares.puzzle(ROWS), *rows, *columns)
    assert GAME.solution(ask(""), named) == squares.grid(ROWS)


HOSTILE = (
    "h2. HABI (high)",
    "h2. HABITS (high)",
    "h2. HAB1T",
    "h2. 12345",
    "v2. HOUSE",  # does not fit the E of SEATS
    "h2. XABIT",  # does not fit the H of SHAVE
    "h1. SEATS",  # stands already
    "h1. SOOTY",  # another word stands there
    "h6. HABIT",  # no such place
    "h0. HABIT",
    "v9. HABIT",
    "x2. HABIT",
    "h22. HABIT",
    "h2. HABIT h3. ABOVE",  # two places in a line
    "h2. HABIT, v2. EATEN (high)",
    "h2. h3. ABOVE",
    "h2. HABIT is the word, and h3. is ABOVE",
    "h2. HABIT (high) h3.",
    "```h2. HABIT``` (high) v3. AAAAA",
    "clue h2. HABIT",
    "HABIT",
    "h2.",
    "h2. HA BIT",
    "h2. H A B I T S",
    "h2. _ABIT",
    "h2. HABI_",
    "h2. {open}",
    "h2. HABI\u00df",  # a letter that is two in capitals: HABISS
    "h2. H\u200bABIT",  # a space without width
    "h2. \u0397\u0391\u0392\u0399\u03a4",  # Greek letters that look like HABIT
    "h2. 五个汉字吗",
    "h3. Atone",  # the clue itself
    "h3. ATONE (certain)",
)


async def test_what_does_not_belong_never_gets_on_the_board() -> None:
    puzzle = re.sub("h3.*", "h3. Atone", squares.puzzle(ROWS))
    thought = followed(puzzle, "h1. SEATS", "v1. SHAVE")
    assert GAME.follow(thought, "h2. HABIT") is not None
    assert [line for line in HOSTILE if GAME.follow(thought, line) is not None] == []


async def test_a_reply_of_nothing_but_these_is_searched_no_further() -> None:
    puzzle = re.sub("h3.*", "h3. Atone", squares.puzzle(ROWS))
    lines = "\n".join(line for line in HOSTILE if not re.match(r"h1|v2|h2. (XABIT|五|Η)", line))
    base = Scripted(lambda request: lines)
    await (base | tree_of_thoughts(strategy="dfs", game="crosswords", depth=10, visits=5)).generate(ask(puzzle))
    assert len(base.requests) == 2, "one for proposals, one for the plain answer"
    assert base.requests[-1].messages[-1].text == puzzle


async def test_a_clue_cannot_bring_in_another_place() -> None:
    puzzle = squares.puzzle(ROWS).replace("h3. ", "h3. h1. SHAVE (certain) ")
    board = board_of(begin(puzzle))
    assert board.words == ("",) * 10
    assert board.clues[2].startswith("h1. SHAVE (certain)")


# ---- asking and reading ----


async def test_the_surer_is_tried_first_and_saying_it_twice_makes_it_no_surer() -> None:
    said = "h1. NA (low)\n" * 30 + "h1. NO (high)\nh1. NE (certain)\nh1. NU"
    base = Scripted(lambda r: said if "Name up to" in r.messages[-1].text else "sure")
    await (base | tree_of_thoughts(game="crosswords", depth=1, k=3)).generate(ask(SMALL))
    tried = [found[1] for r in base.requests if (found := re.search(r"so far:\nh1. (..)\n", r.messages[-1].text))]
    assert tried[:3] == ["NE", "NO", "NA"]


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("h1. sure\nv2. maybe", 0.75),
        ("h1. sure\nv2. impossible", 0.0),
        ("h1. Impossible to believe: sure", 1.0),
        ("横1. 肯定\n竖2. 可能", 0.75),
        ("横1. 不可能", 0.0),
        ("I am unsure.", None),
        ("", None),
    ],
)
async def test_one_place_that_cannot_be_filled_makes_a_board_hopeless(said: str, value: float | None) -> None:
    assert GAME.verdict(said) == value


async def test_where_no_square_is_found_the_answer_goes_on_from_the_best_board() -> None:
    def reply(request: Request) -> str:
        text = request.messages[-1].text
        if "Name up to" in text:
            return "h1. NO (high)\nv2. XX"
        return text if "Can each" not in text else "v1. sure\nv2. sure"

    searched = tree_of_thoughts(strategy="dfs", game="crosswords", depth=4, visits=3)
    told = (await (Scripted(reply) | searched).generate(ask(SMALL))).text
    assert told == f"{SMALL}\n\nSteps so far:\nh1. NO\n\nGo on from these steps and give the final answer."


async def test_a_chinese_puzzle_is_asked_about_in_chinese() -> None:
    puzzle = "请解这个填字游戏。\n横1：不是“是”\n横2：可以\n竖1：拒绝\n竖2：很好"
    said = {"横1": "横1：NO（高）", "横2": "横2：OK（肯定）", "竖1": "竖1：NO", "竖2": "竖2：OK"}

    def reply(request: Request) -> str:
        text = request.messages[-1].text
        added = re.sub(r"[横竖]\d\. (?:[A-Z_] ?)+", "", text.removeprefix(puzzle))
        assert not re.search(r"[A-Za-z]", added), "all words are Chinese"
        return "\n".join(said.values()) if "至多" in text else "横2. 肯定"

    searched = tree_of_thoughts(strategy="dfs", game="crosswords", depth=4, visits=9)
    assert (await (Scripted(reply) | searched).generate(ask(puzzle))).text == "N O\nO K"
    assert set(catalogue("zh")["crosswords"]) == set(catalogue("en")["crosswords"])
