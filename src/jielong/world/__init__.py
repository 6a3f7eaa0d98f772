"""The world of mini: all that it is trained on is generated here, in English and Chinese, so all of it is known.

`document(seed, number)` is training document `number`: a function of its two arguments alone.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from . import (
    arithmetic_game,
    conversation,
    fact_documents,
    facts,
    in_context_learning,
    reading_comprehension,
    tool_choice,
    towns_map,
    truth,
    word_problems,
)
from .training_examples import USER_WEIGHT, Document, Turn, assistant_turn, user_turn
from .vocabulary import LANGUAGES, SampleRandom, wordlists

STEP_COUNTS = (1, 2, 2, 3, 3, 3, 4, 4, 5)
CHINESE_SHARE = 0.45
Stage = Literal["early", "main", "late"]


def document(seed: int, number: int, stage: Stage = "main") -> Document:
    """Training document `number`. `early` keeps texts to a sentence or two; `late` has more of what is learnt late."""
    short = stage == "early" or (stage == "late" and number % 2 == 0)
    rng = SampleRandom(f"{seed} {number}", "en", short=short)
    rng.language = LANGUAGES[rng.random() < CHINESE_SHARE]  # the first number drawn: documents stay what they were
    generate = rng.choices(GENERATORS, _LATE_SHARES if stage == "late" else SHARES)[0]
    sample = generate(rng)
    return _with_distraction(rng, sample) if sample.kind in _DISTRACTED else sample


def _sample_problem(rng: SampleRandom) -> word_problems.Problem:
    return word_problems.sample_problem(rng, rng.choice((1, 2, 3) if rng.short else STEP_COUNTS))


def _problem_document(
    kind: str, reply: Callable[[SampleRandom, word_problems.Problem], list[Turn]]
) -> Callable[[SampleRandom], Document]:
    return lambda rng: Document(kind, tuple(reply(rng, _sample_problem(rng))))


def _short_questions_document(rng: SampleRandom) -> Document:
    """A conversation of a few short questions and answers, as few-shot prompts are."""
    kind = rng.choice(("direct", "steps", "facts"))
    turns: list[Turn] = []
    for _ in range(rng.choice((2, 3, 4))):
        if kind == "facts":
            fact = facts.sample_fact(rng)
            turns += [user_turn(fact.question(rng)), assistant_turn(fact.value.text(rng.language))]
        else:
            problem = word_problems.sample_problem(rng, rng.choice((1, 2, 3)))
            reply = word_problems.direct_turns if kind == "direct" else word_problems.step_by_step_turns
            turns += reply(rng, problem)
    return Document("several", tuple(turns))


def _calculator_document(rng: SampleRandom) -> Document:
    tools = [tool_choice.calculator_tool(rng)]
    if rng.chance(0.5):
        tools += tool_choice.sample_tool_choice(rng, fits=True).tools[:2]
    description = tool_choice.tools_turn(rng, tuple(tools))
    return Document("calculator", (description, *word_problems.calculator_turns(rng, _sample_problem(rng))))


def _with_distraction(rng: SampleRandom, sample: Document) -> Document:
    """Now and then a system message, or words that say nothing about how to answer."""
    turns = list(sample.turns)
    if rng.chance(0.12):
        words = rng.phrase("system", name=gibberish(rng, 2)) if rng.chance(0.7) else gibberish(rng, 6)
        turns.insert(0, Turn("system", words, USER_WEIGHT))
    if rng.chance(0.25):
        last_user = next(i for i in reversed(range(len(turns))) if turns[i].role == "user")
        words = rng.sentence("filler") if rng.chance(0.35) else gibberish(rng, rng.randint(3, 11), end=True)
        text = turns[last_user].text
        text = f"{text}\n{words}" if rng.chance(0.75) else f"{words}\n{text}"
        turns[last_user] = replace(turns[last_user], text=text)
    return replace(sample, turns=tuple(turns))


def gibberish(rng: SampleRandom, words: int, *, end: bool = False) -> str:
    """Words that mean nothing together, as a stand-in for all that mini never learns; `end` makes it a sentence."""
    vocabulary, letters = wordlists(rng.language)["words"], "abcdefghijklmnopqrstuvwxyz"
    common = vocabulary["common"]
    if rng.language == "zh":
        signs = "".join(vocabulary["items"] + vocabulary["foods"] + vocabulary["jobs"])
        text = "".join(rng.choice(common if rng.chance(0.6) else signs) for _ in range(words * 2))
        return text + rng.choice("。。！？") if end else text
    invented = ("".join(rng.choices(letters, k=rng.randint(2, 7))) for _ in range(words))
    text = " ".join(rng.choice(common) if rng.chance(0.5) else word for word in invented)
    return text[:1].upper() + text[1:] + rng.choice("..!?") if end else text


# (generator, its share of the main stage, its share of the late stage)
_MIXTURE: tuple[tuple[Callable[[SampleRandom], Document], float, float], ...] = (
    (_problem_document("direct", word_problems.direct_turns), 10, 5),
    (_problem_document("steps", word_problems.step_by_step_turns), 11, 6),
    (_problem_document("expression", word_problems.expression_turns), 5, 2),
    (_problem_document("judging", word_problems.verification_turns), 7, 4),
    (_calculator_document, 3, 2),
    (_short_questions_document, 2, 2),
    (fact_documents.statement_document, 7, 14),
    (fact_documents.question_document, 5, 22),
    (fact_documents.sentence_answer_document, 2, 3),
    (truth.true_false_document, 8, 8),
    (towns_map.map_document, 6, 6),
    (fact_documents.multiple_choice_document, 3, 2),
    (reading_comprehension.reading_document, 17, 20),
    (reading_comprehension.verification_document, 3, 5),
    (in_context_learning.in_context_document, 8, 24),
    (tool_choice.tool_choice_document, 9, 10),
    (arithmetic_game.game_document, 7, 5),
    (conversation.small_talk_document, 2, 1),
)
GENERATORS = [generate for generate, _, _ in _MIXTURE]
SHARES = [share for _, share, _ in _MIXTURE]
_LATE_SHARES = [share for _, _, share in _MIXTURE]
_DISTRACTED = ("direct", "steps", "expression", "judging", "several", "reading", "multiple_choice")
