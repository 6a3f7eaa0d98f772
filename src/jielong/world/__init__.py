"""The world of mini: all that it is trained on is generated here, in English and Chinese, so all of it is known.

`document(seed, number)` is training document `number`: a function of its two arguments alone.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from . import arithmetic_game, facts, in_context_learning, reading_comprehension, small_talk, tool_choice, word_problems
from .training_examples import Document, Turn, system
from .vocabulary import LANGUAGES, SampleRandom, data

STEPS = (1, 2, 2, 3, 3, 3, 4, 4, 5)
CHINESE = 0.45


Stage = Literal["early", "main", "late"]


def document(seed: int, number: int, stage: Stage = "main") -> Document:
    """Training document `number`. `early` keeps texts to a sentence or two; `late` has more of what is learnt late."""
    rng = random.Random(f"{seed} {number}")
    draw = SampleRandom(
        rng, LANGUAGES[rng.random() < CHINESE], short=stage == "early" or (stage == "late" and number % 2 == 0)
    )
    make = rng.choices(_MAKERS, _LATE_SHARES if stage == "late" else _SHARES)[0]
    made = make(draw)
    return _distracted(draw, made) if made.kind in _DISTRACTED else made


def _problem(draw: SampleRandom) -> word_problems.Problem:
    return word_problems.problem(draw, draw.rng.choice((1, 2, 3) if draw.short else STEPS))


def _solved(
    kind: str, reply: Callable[[SampleRandom, word_problems.Problem], list[Turn]]
) -> Callable[[SampleRandom], Document]:
    return lambda draw: Document(kind, tuple(reply(draw, _problem(draw))))


def _several(draw: SampleRandom) -> Document:
    """A conversation of a few short questions and answers, as few-shot prompts are."""
    kind = draw.rng.choice(("direct", "steps", "facts"))
    turns: list[Turn] = []
    for _ in range(draw.rng.choice((2, 3, 4))):
        if kind == "facts":
            turns += facts.turns_of(facts.drawn_fact(draw), draw)
        else:
            asked = word_problems.problem(draw, draw.rng.choice((1, 2, 3)))
            turns += (word_problems.direct if kind == "direct" else word_problems.step_by_step)(draw, asked)
    return Document("several", tuple(turns))


def _with_calculator(draw: SampleRandom) -> Document:
    offered = [tool_choice.calculator(draw)]
    if draw.chance(0.5):
        offered += tool_choice.choice(draw, fits=True).tools[:2]
    return Document(
        "calculator", (tool_choice.described(draw, tuple(offered)), *word_problems.calculator(draw, _problem(draw)))
    )


def _distracted(draw: SampleRandom, made: Document) -> Document:
    """Now and then a system message, or words that say nothing about how to answer."""
    turns = list(made.turns)
    if draw.chance(0.12):
        words = draw.ask("system", name=gibberish(draw, 2)) if draw.chance(0.7) else gibberish(draw, 6)
        turns.insert(0, system(words))
    if draw.chance(0.25):
        at = next(i for i in reversed(range(len(turns))) if turns[i].role == "user")
        words = draw.form("filler") if draw.chance(0.35) else gibberish(draw, draw.rng.randint(3, 11), end=True)
        text = turns[at].text
        turns[at] = replace(turns[at], text=f"{text}\n{words}" if draw.chance(0.75) else f"{words}\n{text}")
    return replace(made, turns=tuple(turns))


def gibberish(draw: SampleRandom, words: int, *, end: bool = False) -> str:
    """Words that mean nothing together, as a stand-in for all that mini never learns; `end` makes it a sentence."""
    known, letters = data(draw.language)["words"], "abcdefghijklmnopqrstuvwxyz"
    common = known["common"]
    if draw.language == "zh":
        signs = "".join(known["items"] + known["foods"] + known["jobs"])
        said = "".join(draw.rng.choice(common if draw.chance(0.6) else signs) for _ in range(words * 2))
        return said + draw.rng.choice("。。！？") if end else said
    invented = ("".join(draw.rng.choices(letters, k=draw.rng.randint(2, 7))) for _ in range(words))
    said = " ".join(draw.rng.choice(common) if draw.chance(0.5) else word for word in invented)
    return said[:1].upper() + said[1:] + draw.rng.choice("..!?") if end else said


_MIXTURE: tuple[tuple[Callable[[SampleRandom], Document], float, float], ...] = (
    (_solved("direct", word_problems.direct), 10, 5),
    (_solved("steps", word_problems.step_by_step), 11, 6),
    (_solved("expression", word_problems.expression), 5, 2),
    (_solved("judging", word_problems.checked), 7, 4),
    (_with_calculator, 3, 2),
    (_several, 2, 2),
    (facts.stated, 7, 14),
    (facts.asked, 5, 22),
    (facts.told_at_length, 2, 3),
    (facts.true_or_false, 8, 8),
    (facts.multiple_choice, 3, 2),
    (reading_comprehension.read, 17, 20),
    (reading_comprehension.verified, 3, 5),
    (in_context_learning.taught, 8, 24),
    (tool_choice.chosen, 9, 10),
    (arithmetic_game.played, 7, 5),
    (small_talk.talked, 2, 1),
)
_MAKERS = [make for make, _, _ in _MIXTURE]
_SHARES = [share for _, share, _ in _MIXTURE]
_LATE_SHARES = [share for _, _, share in _MIXTURE]
_DISTRACTED = ("direct", "steps", "expression", "judging", "several", "reading", "multiple_choice")
