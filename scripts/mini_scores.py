"""Every line of mini's model card: a task, a recipe, and what the score should be."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import anyio
import mini_schemas

from jielong import load
from jielong.errors import BadInput
from jielong.measuring.evaluate import measure
from jielong.measuring.experiment import Experiment
from jielong.measuring.results import ModelResult
from jielong.stats import Estimate, mean
from jielong.tasks.load_task import load_task
from jielong.world.vocabulary import wordlists

LANGUAGES = {"en": "", "zh": "/zh"}
IN_CONTEXT = {
    "constant": "a number added, taken away or multiplied by",
    "pairs": "what a sign between two numbers means",
    "words": "words kept, moved or put before",
    "labels": "names for groups of words",
}
LENGTHS, TEMPERATURES = (4, 5), (1.0, 1.25, 1.5, 1.75)
NEAR = 0.05  # how far below English Chinese may be in other people's words, and half-width below full-width
MAP = {
    "": "where towns lie, all kinds", "/direction": "on which side of another town", "/further": "which lies further",
    "/way": "which way to go", "/distance": "how far it is", "/nearer": "which is nearer", "/nearest": "the nearest",
    "/coordinates": "coordinates that were told", "/untold_coordinates": "coordinates that were never told",
}  # fmt: skip


@dataclass(frozen=True)
class Line:
    """`counts_as` is the answer that is counted, where that is not what is right; `items` are those of these ids.

    `near` means that Chinese is to be within `NEAR` of English.
    """

    about: str
    task: str
    variant: str = ""
    claim: str = ""
    recipe: str = "mini"
    counts_as: str | None = None
    languages: tuple[str, ...] = ("en", "zh")
    items: str = ""
    near: bool = False


def _problems() -> Iterator[Line]:
    counts = {"1": "one step", "2": "two steps", "3": "three steps", "4": "four steps", "5": "five steps"}
    for n in ("1", "2", "3"):
        yield Line(f"{counts[n]}, asked plainly", "word_problems", f"/{n}", "<= .30" if n == "3" else "")
    for n, words in counts.items():
        yield Line(f"{words}, step by step", "word_problems", f"/{n}", ">= .88" if n == "3" else "", "mini | cot")
    noisy = Line("three steps, step by step, as people type", "word_problems", "/3/noisy", ">= .85", "mini | cot")
    yield noisy
    about = "three steps, step by step, half-width"
    yield replace(noisy, about=about, variant="/3/half_width", languages=("zh",))
    expression = Line(
        "three steps, one Python expression", "word_problems", "/3", ">= .95", "mini | program_of_thought"
    )
    yield expression
    yield replace(expression, about="the same, as people type", variant="/3/noisy", claim=">= .85")
    yield replace(expression, about="the same, half-width", variant="/3/half_width", languages=("zh",))


GENERATED = (
    *_problems(),
    Line("facts told 100 times or more", "facts", claim=">= .95"),
    Line("the same, as people type", "facts", "/noisy", ">= .95"),
    Line("the same, half-width", "facts", "/half_width", ">= .95", languages=("zh",)),
    Line("facts never told", "unseen_facts", claim="<= .05"),
    Line("facts never told, with the document", "unseen_facts", "/with_document", ">= .90"),
    Line("true or false, known facts", "true_false", claim=">= .90"),
    Line("true or false, in one word", "true_false", "/one_word", ">= .90"),
    Line("in one word, on the map", "true_false", "/map"),
    Line("in one word, on sums", "true_false", "/sum"),
    *(Line(about, "map", variant) for variant, about in MAP.items()),
    Line("the text does not tell: said so", "reading", "/untold", ">= .90"),
    Line("the text tells: answered", "reading", "/told", ">= .85"),
    Line("the text tells: wrongly said that it does not", "reading", "/told", "<= .10", counts_as="not_told"),
    Line("text and question as people type, told", "reading", "/told/noisy"),
    Line("the same, half-width", "reading", "/told/half_width", languages=("zh",)),
    Line("a story tells: answered", "stories", "/told", ">= .85"),
    Line("a story does not tell: said so", "stories", "/untold", ">= .90"),
    Line("one of several documents tells", "documents", "/told", ">= .85"),
    Line("none of several documents tells", "documents", "/untold", ">= .90"),
    Line("two documents disagree: both said", "documents", "/conflict"),
    Line("an operation, four examples", "in_context", claim=">= .80"),
    *(Line(f"four examples: {about}", "in_context", f"/{kind}") for kind, about in IN_CONTEXT.items()),
    Line("an operation, no example", "in_context", "/0", "<= .15"),
    Line("is this answer right?", "judging", claim=">= .85"),
    Line("a tool fits: named", "tools", "/fits", ">= .85"),
    Line("no tool fits: said so", "tools", "/none", ">= .85"),
    Line("a tool fits: called with its arguments", "tool_calls", "/fits", ">= .80"),
    Line("no tool fits: none called", "tool_calls", "/none", ">= .95"),
    Line("an answer as JSON", "json"),
    Line("what people say first", "small_talk", claim=">= .95"),
    Line("the same, as people type", "small_talk", "/noisy", ">= .95"),
    Line("outside its world: said so", "outside", claim=">= .95"),
    Line("easy sums", "arithmetic", "/easy", ">= .95"),
    Line("long sums, worked out", "arithmetic", "/long"),
    Line("sums, steps asked for", "arithmetic", "/steps"),
    Line("sums, with the calculator", "arithmetic", "", ">= .95", "mini | tools"),
    Line("long sums, with the calculator", "arithmetic", "/long", ">= .95", "mini | tools"),
    Line("a question that needs those before it", "follow_up"),
    Line("a system message, obeyed", "system"),
    Line("make 24 from four numbers", "game24"),
)
OTHER_PEOPLE = (
    Line("word problems, step by step", "in_the_wild", "/problem", ">= .85", "mini | cot", near=True),
    *(Line(f"of these with {width}-width punctuation", "in_the_wild", "/problem", "", "mini | cot",
           languages=("zh",), items=ids)
      for width, ids in (("half", r"problem_zh_(0\d|1\d|20)"), ("full", r"problem_zh_(2[1-9]|3\d|40)"))),
    Line("word problems, as a program", "in_the_wild", "/problem", ">= .85", "mini | program_of_thought", near=True),
    Line("facts, in questions and orders", "in_the_wild", "/fact", ">= .95", near=True),
    Line("the text tells", "in_the_wild", "/reading_told", ">= .85", near=True),
    Line("the text does not tell", "in_the_wild", "/reading_untold", ">= .90", near=True),
    Line("a tool of an unseen kind fits", "in_the_wild", "/tool", ">= .80", near=True),
    Line("no tool fits", "in_the_wild", "/tool_none", ">= .95", near=True),
    Line("arithmetic, plain", "in_the_wild", "/arithmetic", near=True),
    Line("arithmetic, with the calculator", "in_the_wild", "/arithmetic", ">= .95", "mini | tools", near=True),
    Line("what people say first", "in_the_wild", "/first", ">= .95", near=True),
    Line("outside its world", "in_the_wild", "/outside", near=True),
    Line("true or false", "in_the_wild", "/true_false", near=True),
    Line("a question that needs those before it", "in_the_wild", "/follow_up", near=True),
    Line("a system message", "in_the_wild", "/system", near=True),
    Line("JSON under a schema", "in_the_wild", "/json", near=True),
)  # fmt: skip


def measured(items: int) -> dict[str, Any]:
    generated = [_row(line, items) for line in GENERATED]
    other_people = [_row(line, items) for line in OTHER_PEOPLE]
    half, full = (next(row for row in other_people if width in row["about"]) for width in ("half-width", "full-width"))
    half["claim"] = "as with full-width"
    half["missed"] = ["zh"] * (half["figures"]["zh"]["mean"] < full["figures"]["zh"]["mean"] - NEAR)
    votes = [_votes(language, items) for language in LANGUAGES]
    schemas = mini_schemas.measured()
    return {"generated": generated, "other_people": other_people, "votes": votes, "schemas": schemas}


def _row(line: Line, items: int) -> dict[str, Any]:
    """A line of the card: its figures by language, and the languages in which its claim does not hold."""
    row: dict[str, Any] = {"about": line.about, "task": f"{line.task}{line.variant}", "recipe": line.recipe}
    figures = {language: _figure(line, language, items) for language in line.languages}
    missed = [language for language, figure in figures.items() if not _holds(line.claim, figure)]
    if line.near and not _is_near(figures) and "zh" not in missed:
        missed.append("zh")
    row |= {"claim": line.claim, "near": line.near, "figures": figures, "missed": missed}
    print(row, file=sys.stderr, flush=True)
    return row


def _figure(line: Line, language: str, items: int) -> dict[str, Any]:
    task = f"mini:{line.task}{LANGUAGES[language]}{line.variant}"
    try:
        result = _measure(task, line.recipe, items, line.items)
    except BadInput as error:  # as of a model that was told of no fact often
        return {"mean": None, "why": str(error)}
    estimate = result.accuracy
    if line.counts_as:
        phrase = wordlists(language)["phrases"][line.counts_as]
        forms = [phrase] if isinstance(phrase, str) else phrase
        estimate = mean([float(answer.text.strip() in forms) for answer in result.answers])
    return _shown(estimate) | ({"lost": result.lost} if result.lost else {})


def _measure(spec: str, recipe: str, items: int, ids: str = "") -> ModelResult:
    async def run() -> ModelResult:
        task = load_task(spec, limit=None if ids else items, seed=1)
        if ids:
            task = replace(task, items=tuple(item for item in task.items if re.fullmatch(ids, item.id))[:items])
        return await measure(Experiment(task, seed=1), load(recipe))

    return anyio.run(run)


def _votes(language: str, items: int) -> dict[str, Any]:
    """At the length and temperature where one sample is nearest to three in four: what eight votes add."""
    task = f"mini:word_problems{LANGUAGES[language]}/"
    singles = {
        (n, t): _measure(f"{task}{n}", f"mini | options(temperature={t}) | cot", items)
        for n in LENGTHS
        for t in TEMPERATURES
    }
    steps, temperature = min(singles, key=lambda at: abs(singles[at].accuracy.mean - 0.75))
    voting = f"mini | options(temperature={temperature}) | cot | self_consistency(n=8)"
    single, voted = singles[steps, temperature], _measure(f"{task}{steps}", voting, items)
    gain = voted.against(single)
    row = {
        "language": language,
        "steps": steps,
        "temperature": temperature,
        "single": _shown(single.accuracy),
        "voted": _shown(voted.accuracy),
        "gain": round(gain.difference, 4),
        "ci95": [round(x, 4) for x in gain.ci95 or ()],
        "p": gain.p,
    }
    print(row, file=sys.stderr, flush=True)
    return row


def _shown(estimate: Estimate) -> dict[str, Any]:
    low, high = estimate.ci95 or (None, None)
    bounds = {"low": low if low is None else round(low, 4), "high": high if high is None else round(high, 4)}
    return {"mean": round(estimate.mean, 4)} | bounds | {"n": estimate.n}


def _holds(claim: str, figure: dict[str, Any]) -> bool:
    if not claim:
        return True
    if figure["mean"] is None:
        return False
    relation, bound = claim.split()
    return bool(figure["mean"] >= float(bound) if relation == ">=" else figure["mean"] <= float(bound))


def _is_near(figures: dict[str, dict[str, Any]]) -> bool:
    english, chinese = figures["en"]["mean"], figures["zh"]["mean"]
    return english is None or (chinese is not None and chinese >= english - NEAR)
