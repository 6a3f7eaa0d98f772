"""Every line of mini's model card: a task, a recipe, and what the score should be."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import anyio

from jielong import load
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


@dataclass(frozen=True)
class Line:
    """`counts_as` is the answer that is counted; None counts what is right."""

    about: str
    task: str
    variant: str
    recipe: str
    claim: str
    counts_as: str | None = None


LINES = (
    Line("one step, asked plainly", "word_problems", "/1", "mini", ""),
    Line("two steps, asked plainly", "word_problems", "/2", "mini", ""),
    Line("three steps, asked plainly", "word_problems", "/3", "mini", "<= .30"),
    *(Line(f"{n} step{'s' * (n > 1)}, step by step", "word_problems", f"/{n}", "mini | cot", ">= .88" if n == 3 else "")
      for n in (1, 2, 3, 4, 5)),
    Line("three steps, one Python expression", "word_problems", "/3", "mini | program_of_thought", ">= .95"),
    Line("facts told 100 times or more", "facts", "", "mini", ">= .95"),
    Line("facts never told", "unseen_facts", "", "mini", "<= .05"),
    Line("facts never told, with the document", "unseen_facts", "/with_document", "mini", ">= .85"),
    Line("true or false, known facts", "true_false", "", "mini", ">= .90"),
    Line("true or false, in one word", "true_false", "/one_word", "mini", ""),
    Line("the text does not tell: said so", "reading", "/untold", "mini", ">= .80"),
    Line("the text tells: answered", "reading", "/told", "mini", ""),
    Line("the text tells: wrongly said that it does not", "reading", "/told", "mini", "<= .10", "not_told"),
    Line("an operation, four examples", "in_context", "", "mini", ">= .70"),
    *(Line(f"four examples: {about}", "in_context", f"/{kind}", "mini", "") for kind, about in IN_CONTEXT.items()),
    Line("an operation, no example", "in_context", "/0", "mini", "<= .15"),
    Line("is this answer right?", "judging", "", "mini", ">= .85"),
    Line("a tool fits: chosen", "tools", "/fits", "mini", ">= .85"),
    Line("no tool fits: said so", "tools", "/none", "mini", ">= .85"),
    Line("make 24 from four numbers", "game24", "", "mini", ""),
)  # fmt: skip


def measured(items: int) -> dict[str, Any]:
    lines = [_line(line, language, items) for line in LINES for language in LANGUAGES]
    return {"lines": lines, "votes": [_votes(language, items) for language in LANGUAGES]}


def _measure(task: str, recipe: str, items: int) -> ModelResult:
    async def run() -> ModelResult:
        return await measure(Experiment(load_task(task, limit=items, seed=1), seed=1), load(recipe))

    return anyio.run(run)


def _line(line: Line, language: str, items: int) -> dict[str, Any]:
    task = f"mini:{line.task}{LANGUAGES[language]}{line.variant}"
    result = _measure(task, line.recipe, items)
    estimate = result.accuracy
    if line.counts_as:
        said = wordlists(language)["phrases"][line.counts_as]
        forms = [said] if isinstance(said, str) else said
        estimate = mean([float(answer.text.strip() in forms) for answer in result.answers])
    row = {"about": line.about, "language": language, "task": task, "recipe": line.recipe, "claim": line.claim}
    row |= _shown(estimate) | {"holds": _holds(line.claim, estimate.mean)}
    print(row, file=sys.stderr, flush=True)
    return row


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
    assert estimate.ci95
    low, high = estimate.ci95
    return {"mean": round(estimate.mean, 4), "low": round(low, 4), "high": round(high, 4), "n": estimate.n}


def _holds(claim: str, value: float) -> bool | None:
    if not claim:
        return None
    relation, bound = claim.split()
    return value >= float(bound) if relation == ">=" else value <= float(bound)
