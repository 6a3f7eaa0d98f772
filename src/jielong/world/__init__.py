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
    follow_ups,
    in_context_practice,
    json_answers,
    plain_arithmetic,
    preferences,
    reading_comprehension,
    retrieval,
    story_events,
    story_reading,
    system_messages,
    tool_calls,
    tool_choice,
    towns_map,
    truth,
    word_problems,
)
from .noise import noisy
from .training_examples import USER_WEIGHT, Document, Turn, assistant_turn, user_turn
from .vocabulary import LANGUAGES, SampleRandom, wordlists

STEP_COUNTS = (1, 2, 2, 3, 3, 3, 4, 4, 5)
CHINESE_SHARE = 0.45
Stage = Literal["early", "main"]


def document(seed: int, number: int, stage: Stage = "main") -> Document:
    """Training document `number`; in the `early` stage texts are a sentence or two."""
    rng = SampleRandom(f"{seed} {number}", "en", short=stage == "early")
    rng.language = LANGUAGES[rng.random() < CHINESE_SHARE]
    sample = rng.choices(GENERATORS, _SHARES[stage])[0](rng)
    if sample.kind in _DISTRACTED:
        sample = _with_distraction(rng, sample)
    return _as_typed(rng, sample)


def _as_typed(rng: SampleRandom, sample: Document) -> Document:
    """Now and then the user's turns with the noise of people who type."""
    chance, leads = _NOISE.get(sample.kind, (0.0, False))
    if not rng.chance(chance):
        return sample
    strength = 0.2 if rng.short else 1.0
    typed = (
        replace(turn, text=noisy(rng, turn.text, strength, leads)) if turn.role == "user" else turn
        for turn in sample.turns
    )
    return replace(sample, turns=tuple(typed))


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


# (generator, its share of the early stage, its share of the main stage)
_MIXTURE: tuple[tuple[Callable[[SampleRandom], Document], float, float], ...] = (
    (_problem_document("direct", word_problems.direct_turns), 8, 5),
    (_problem_document("steps", word_problems.step_by_step_turns), 12, 14),
    (_problem_document("expression", word_problems.expression_turns), 6, 8),
    (_problem_document("judging", word_problems.verification_turns), 4, 4),
    (_calculator_document, 2, 3),
    (_short_questions_document, 1, 2),
    (fact_documents.statement_document, 10, 7),
    (fact_documents.question_document, 8, 10),
    (fact_documents.sentence_answer_document, 1, 2),
    (truth.true_false_document, 10, 18),
    (towns_map.map_document, 8, 9),
    (fact_documents.multiple_choice_document, 1, 3),
    (story_reading.story_document, 9, 13),
    (story_events.event_document, 5, 5),
    (retrieval.retrieval_document, 2, 6),
    (reading_comprehension.reading_document, 4, 4),
    (reading_comprehension.verification_document, 1, 3),
    (in_context_practice.in_context_document, 14, 14),
    (tool_calls.tool_call_document, 6, 13),
    (tool_choice.tool_choice_document, 2, 2),
    (json_answers.json_document, 3, 6),
    (arithmetic_game.game_document, 2, 5),
    (conversation.small_talk_document, 5, 6),
    (conversation.outside_document, 5, 7),
    (plain_arithmetic.arithmetic_document, 9, 7),
    (plain_arithmetic.arithmetic_by_calculator_document, 1, 3),
    (follow_ups.follow_up_document, 2, 5),
    (system_messages.system_document, 2, 5),
    (preferences.register_document, 0, 2),
)
GENERATORS = [generate for generate, _, _ in _MIXTURE]
_SHARES: dict[Stage, list[float]] = {
    "early": [early for _, early, _ in _MIXTURE],
    "main": [main for _, _, main in _MIXTURE],
}
_DISTRACTED = ("direct", "steps", "expression", "judging", "several", "reading", "multiple_choice")
# How often the user's turns of a kind are typed as people type, and whether something is said around them.
_NOISE: dict[str, tuple[float, bool]] = {
    **dict.fromkeys(("direct", "steps", "expression", "calculator"), (0.5, True)),
    **dict.fromkeys(("facts", "map", "arithmetic", "arithmetic_by_calculator"), (0.5, True)),
    **dict.fromkeys(("talk", "outside", "follow_up", "system", "register"), (0.5, False)),
    **dict.fromkeys(("judging", "several", "true_false", "verified", "multiple_choice"), (0.25, False)),
    **dict.fromkeys(("reading", "tools"), (0.3, False)),
}
