"""The tasks of mini's world, `mini:NAME[/zh][/VARIANT]`: every item from forms, names and numbers that mini never saw.

The facts of `facts` and `true_false` are those that mini was told at least `OFTEN` times, in other words.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from ..contract import Message, Reply
from ..errors import BadInput
from ..models.mini import WEIGHTS
from ..prompts import language
from ..registry import unknown_name
from ..world import (
    arithmetic_game,
    conversation,
    facts,
    in_context_learning,
    reading_comprehension,
    system_messages,
    tool_choice,
    towns_map,
    truth,
    word_problems,
)
from ..world.vocabulary import LANGUAGES, SampleRandom
from . import metric, mini_reading_tasks
from .expression_check import GAME24
from .in_the_wild import IN_THE_WILD, groups, in_the_wild_items
from .item import Item, identified
from .metric import CheckMetric, Metric, Score
from .mini_conversation_tasks import (
    NOISE_VARIANTS,
    OBEYS,
    OUTSIDE,
    arithmetic_items,
    follow_up_items,
    outside_items,
    small_talk_items,
    system_items,
    with_noise,
)
from .task import Task

ITEMS, OFTEN = 200, 100
FEWEST_FACTS = 60  # told often, without which some of the tasks on known facts have no item
Items = Iterator[Item]


@dataclass(frozen=True)
class _Kind:
    make: Callable[[SampleRandom, str], Items]
    metric: Metric
    about: str
    variants: tuple[str, ...] = ()
    typed: bool = False  # natural language that may come with noise: `noisy`, in Chinese also `half_width`


def built_in(spec: str, limit: int | None, seed: int) -> Task:
    """The task that `spec` names, `limit` items (200 unless told). Raises UnknownName, BadInput."""
    name, *parts = spec.removeprefix("mini:").split("/")
    if name not in _KINDS:
        raise unknown_name("built-in task", spec, names())
    kind = _KINDS[name]
    language = next((part for part in parts if part in LANGUAGES), "en")
    noise_variants = NOISE_VARIANTS[: 1 + (language == "zh")] if kind.typed else ()
    noise = next((part for part in parts if part in noise_variants), "")
    variants = [part for part in parts if part not in LANGUAGES and part != noise]
    if len(variants) > 1 or any(part not in kind.variants for part in variants):
        allowed = ["zh", *kind.variants, *noise_variants]
        raise BadInput(f"{spec}: after mini:{name} may come {', '.join('/' + part for part in allowed)}")
    rng = SampleRandom(f"exam {name} {language} {seed}", "zh" if language == "zh" else "en", held_out=True)
    made = kind.make(rng, *variants or [""])
    if noise:
        made = (with_noise(rng, item, noise) for item in made)
    items = identified(list(_first(made, limit or ITEMS)))
    return Task(spec, items, kind.metric, "as this task is made", kind.about)


def names() -> list[str]:
    return [f"mini:{name}" for name in _KINDS]


def _first(items: Items, n: int) -> Items:
    """`n` different items; fewer only where no more are found."""
    seen: set[object] = set()
    for attempt, item in enumerate(items):
        if (key := (item.input, item.context)) not in seen:
            seen.add(key)
            yield item
        if len(seen) == n or attempt > 200 * n:
            return


# ---- the kinds ----


def _word_problems(rng: SampleRandom, steps: str) -> Items:
    while True:
        problem = word_problems.sample_problem(rng, int(steps or 3))
        yield Item("", problem.question, (str(problem.answer),))


def _facts(rng: SampleRandom, variant: str) -> Items:
    return _questions(rng, often_told(), variant)


def _unseen_facts(rng: SampleRandom, variant: str) -> Items:
    return _questions(rng, [fact for fact in facts.knowledge_base().all_facts() if not fact.subject.seen], variant)


def _questions(rng: SampleRandom, known: list[facts.Fact], variant: str) -> Items:
    while True:
        for fact in rng.sample(known, len(known)):
            context = (fact.statement(rng),) if variant == "with_document" else ()
            yield Item("", fact.question(rng), (fact.value.text(rng.language),), cluster=fact.id, context=context)


def _reading(rng: SampleRandom, variant: str) -> Items:
    while True:
        reading = reading_comprehension.sample_reading(rng, variant != "untold" if variant else rng.chance(0.5))
        yield Item("", reading.question, (reading.answer,), context=reading.documents)


def _in_context(rng: SampleRandom, variant: str) -> Items:
    while True:
        lesson = in_context_learning.sample_lesson(rng, 4, variant if variant in in_context_learning.KINDS else "")
        examples = lesson.examples if variant != "0" else ()
        turns = [(Message("user", q), Message("assistant", a)) for q, a in examples]
        yield Item("", (*(m for turn in turns for m in turn), Message("user", lesson.question)), (lesson.answer,))


def _judging(rng: SampleRandom, steps: str) -> Items:
    while True:
        problem = word_problems.sample_problem(rng, int(steps or rng.choice((1, 2, 3))))
        right = rng.chance(0.5)
        proposed = problem.answer if right else word_problems.wrong_answer(rng, problem.answer)
        yield Item("", word_problems.check_question(rng, problem, proposed), ("yes" if right else "no",))


def _tools(rng: SampleRandom, variant: str) -> Items:
    while True:
        choice = tool_choice.sample_tool_choice(rng, fits=variant != "none" if variant else rng.chance(0.7))
        answer = choice.answer.name if choice.answer else rng.phrase("no_tool")
        yield Item("", tool_choice.choice_as_text(rng, choice), (answer,))


def _true_false(rng: SampleRandom, variant: str) -> Items:
    """Claims never judged in training, in held-out forms, half of them true, a third denials; the frame of the
    question may be known. `one_word` asks for the verdict alone, `map` and `sum` are claims on those."""
    known = [fact for fact in often_told() if fact.claim_held_out and facts.false_claims(fact, True)]
    if not known:
        raise BadInput("no fact that mini was told often is kept from its judgements")
    while True:
        for i, fact in enumerate(rng.sample(known, len(known))):
            if variant in ("map", "sum"):
                claim = truth.sample_claim_to_judge(rng, "map" if variant == "map" else "sum", i % 2 == 0)
            else:
                claim = truth.claim_about(rng, fact, i % 2 == 0, rng.chance(truth.DENIED_SHARE))
            frame = rng.choice(truth.FRAMES if variant else truth.COMPARED_FRAMES)
            held_out = rng.chance(0.5)
            question = truth.verdict_question(rng, frame, claim.text, one_word=bool(variant), held_out=held_out)
            verdict = truth.verdict_words(rng, frame)[not claim.true]
            yield Item("", question, (verdict,), cluster=fact.id if claim.fact else None)


def _map(rng: SampleRandom, variant: str) -> Items:
    """Pairs of towns that no training document mentions together; `coordinates` asks for the two numbers of towns that
    are told by them, `untold_coordinates` of those that are told by their relations alone."""
    relations = list(towns_map.SHARES)
    while True:
        if variant in ("coordinates", "untold_coordinates"):
            place = towns_map.sample_place(rng, variant == "coordinates")
            yield Item("", place.question(rng), (place.value.text(rng.language),), cluster=place.id)
        else:
            relation = next((r for r in relations if r == variant), rng.choice(relations))
            found = towns_map.sample_relationship(rng, relation)
            yield Item("", found.question(rng), (found.answer,))


def _follow_up(rng: SampleRandom, variant: str) -> Items:
    return follow_up_items(rng, often_told())


def _system(rng: SampleRandom, variant: str) -> Items:
    return system_items(rng, variant, often_told())


def _game24(rng: SampleRandom, variant: str) -> Items:
    while True:
        numbers = arithmetic_game.sample_puzzle(rng, 4)
        yield Item("", arithmetic_game.game_question(rng, numbers), (" ".join(map(str, numbers)),))


def states_value(item: Item, reply: Reply) -> Score:
    """A fact may be answered by its value or by a sentence with it: right is what names this value and no other."""
    answer, relation = item.accepted[0], str(item.cluster).rpartition(" ")[2]
    question_language = language(item.request().messages[-1].text)
    values = {value.text(question_language) for value in facts.knowledge_base().values[relation]} | {answer}
    named = [value for value in sorted(values, key=len, reverse=True) if _names(reply.text, value)]
    longest = [value for value in named if not any(value != other and value in other for other in named)]
    extracted = longest[0] if len(longest) == 1 else None
    return Score(float(extracted == answer), extracted)


def _names(text: str, value: str) -> bool:
    edge = r"\b" if value.isascii() else ""
    return re.search(rf"{edge}{re.escape(value)}{edge}", text, re.IGNORECASE) is not None


@cache
def often_told() -> list[facts.Fact]:
    """Raises BadInput where mini was told of hardly any fact often, as after a short trial of its training."""
    exposures = json.loads((WEIGHTS / "exposures.json").read_text("utf-8"))["facts"]
    often = [fact for fact in facts.knowledge_base().all_facts() if exposures.get(fact.id, 0) >= OFTEN]
    if len(often) < FEWEST_FACTS:
        raise BadInput(f"mini was told {len(often)} facts {OFTEN} times or more; these tasks need {FEWEST_FACTS}")
    return often


_VALUE = CheckMetric("states_value", states_value)
_STEPS = ("1", "2", "3", "4", "5")
_LESSON = ("0", *in_context_learning.KINDS)
_CLAIMS = ("one_word", "map", "sum")
_MAP = (*towns_map.SHARES, "coordinates", "untold_coordinates")
_KINDS = {
    "word_problems": _Kind(_word_problems, metric.number, "word problems, three steps unless told", _STEPS, True),
    "facts": _Kind(_facts, _VALUE, f"facts that mini was told {OFTEN} times or more", typed=True),
    "unseen_facts": _Kind(_unseen_facts, _VALUE, "facts that mini was never told", ("with_document",), True),
    "reading": _Kind(_reading, metric.exact, "questions on texts, half of which do not tell", ("told", "untold"), True),
    "in_context": _Kind(_in_context, metric.exact, "operations that only the examples tell, four unless told", _LESSON),
    "judging": _Kind(_judging, metric.yes_no, "is this answer to a word problem right?", _STEPS),
    "tools": _Kind(_tools, metric.exact, "which of these tools helps, or none", ("fits", "none")),
    "true_false": _Kind(_true_false, metric.yes_no, "true and false claims about well-known facts", _CLAIMS),
    "map": _Kind(_map, metric.exact, "how towns lie from each other, of pairs never told", _MAP),
    "stories": _Kind(mini_reading_tasks.stories, metric.exact, "questions on stories in prose", ("told", "untold")),
    "documents": _Kind(
        mini_reading_tasks.several_documents,
        metric.exact,
        "several documents, of which two may disagree",
        ("told", "untold", "conflict"),
    ),
    "tool_calls": _Kind(
        mini_reading_tasks.tool_requests, mini_reading_tasks.CALLS, "calls of tools that are offered", ("fits", "none")
    ),
    "json": _Kind(mini_reading_tasks.json_tasks, mini_reading_tasks.SAME_JSON, "short answers as JSON"),
    "game24": _Kind(_game24, GAME24, "make 24 from four numbers"),
    "small_talk": _Kind(small_talk_items, metric.exact, "what people say first", tuple(conversation.INTENTS), True),
    "outside": _Kind(outside_items, OUTSIDE, "what is outside of mini's world: it says so", typed=True),
    "arithmetic": _Kind(arithmetic_items, metric.number, "sums as people type them", ("easy", "long", "steps"), True),
    "follow_up": _Kind(_follow_up, metric.exact, "questions that need the ones before", typed=True),
    "in_the_wild": _Kind(in_the_wild_items, IN_THE_WILD, "what people type, in their own words", groups()),
    "system": _Kind(_system, OBEYS, "system messages that say how to answer", tuple(system_messages.KINDS)),
}
