"""The figures of a report, one row for each recipe: of the final where it got there, else of the search."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ...contract import Usage
from ...improving.improve_result import Candidate, Dropped, ImproveResult
from ...measuring.results import ModelResult
from ...stats import Estimate, Interval, quantile


@dataclass(frozen=True)
class RecipeRow:
    """Tokens, calls and dollars are of one item, the judge's apart. `difference` and the `added` are against the plain
    model, on the items that both have met; None in its own row."""

    number: int
    recipe: str
    steps: str
    split: Literal["final", "search"]
    n: int
    accuracy: Estimate
    difference: float | None
    ci95: Interval | None
    p_holm: float | None  # of the final alone: the search tests nothing
    input_tokens: float
    output_tokens: float
    added_input: float | None
    added_output: float | None
    calls: float
    usd: float | None  # None: unknown
    p50: float | None
    p95: float | None
    no_answer: int  # replies without an answer: truncated, declined, or nothing in it that the rule looks for
    lost: int  # items without a reply: they have no score
    dropped: Dropped | None

    @property
    def no_effect(self) -> bool:
        """Nothing was seen: the interval of the difference holds 0."""
        return self.ci95 is not None and self.ci95[0] <= 0 <= self.ci95[1]


def final_rows(outcome: ImproveResult) -> list[RecipeRow]:
    """The plain model and those that met it on unseen items, in the order of the search. Empty without a final."""
    compared = {each.recipe: each for each in outcome.comparisons}
    rows: list[RecipeRow] = []
    if not (outcome.plain and outcome.plain.answers):
        return []
    for result in outcome.finalists:
        usage, asked = _spent(result), len(result.answers)
        against = compared.get(result.model)
        rows.append(
            RecipeRow(
                len(rows) + 1,
                result.model,
                steps_of(result.model, outcome.models),
                "final",
                result.n,
                result.accuracy,
                against.difference if against else None,
                against.ci95 if against else None,
                against.p_holm if against else None,
                usage.input_tokens / asked,
                usage.output_tokens / asked,
                usage.input_tokens / asked - rows[0].input_tokens if rows else None,
                usage.output_tokens / asked - rows[0].output_tokens if rows else None,
                usage.calls / asked,
                None if usage.usd is None else usage.usd / asked,
                result.latency(0.5),
                result.latency(0.95),
                result.no_answer,
                result.lost,
                None,
            )
        )
    return rows


def search_rows(outcome: ImproveResult, first: int = 1) -> list[RecipeRow]:
    """Every candidate as it did in the search, those that came furthest first; numbered from `first`."""
    plain = outcome.candidates[0]
    ordered = sorted(outcome.candidates, key=lambda candidate: _reached(candidate, plain), reverse=True)
    return [_searched(first + i, candidate, plain) for i, candidate in enumerate(ordered)]


def _reached(candidate: Candidate, plain: Candidate) -> tuple[bool, bool, int, float]:
    gain = candidate.against(plain).difference if candidate.scores else 0.0
    return candidate is plain, candidate.dropped is None, len(candidate.scores), gain


def _searched(number: int, candidate: Candidate, plain: Candidate) -> RecipeRow:
    n, usage, first = len(candidate.scores), candidate.usage, plain.usage
    lost = candidate.scores.count(None)
    each, plain_each = 1 / n if n else 0.0, 1 / len(plain.scores) if plain.scores else 0.0
    pair = candidate.against(plain) if n and candidate is not plain else None
    return RecipeRow(
        number,
        candidate.recipe,
        candidate.steps,
        "search",
        n - lost,
        candidate.accuracy,
        pair.difference if pair else None,
        pair.ci95 if pair else None,
        None,
        usage.input_tokens * each,
        usage.output_tokens * each,
        usage.input_tokens * each - first.input_tokens * plain_each if pair else None,
        usage.output_tokens * each - first.output_tokens * plain_each if pair else None,
        usage.calls * each,
        None if usage.usd is None else usage.usd * each,
        quantile(candidate.seconds, 0.5) if candidate.seconds else None,
        quantile(candidate.seconds, 0.95) if candidate.seconds else None,
        0,
        lost,
        candidate.dropped,
    )


def _spent(result: ModelResult) -> Usage:
    """By the answers; without what a judge took to grade them."""
    total = Usage()
    for answer in result.answers:
        total += answer.usage
    return total


def front(rows: Sequence[RecipeRow]) -> set[int]:
    """The numbers of the rows that no other one beats: none that is as good is cheaper, none as cheap is better."""
    return {
        row.number
        for row in rows
        if not any(
            (cost(other) <= cost(row) and other.accuracy.mean > row.accuracy.mean)
            or (cost(other) < cost(row) and other.accuracy.mean >= row.accuracy.mean)
            for other in rows
        )
    }


def cost(row: RecipeRow) -> float:
    return row.input_tokens + row.output_tokens


def steps_of(recipe: str, models: Sequence[str]) -> str:
    """What stands after the model in a recipe; "" for a model itself."""
    for model in sorted(models, key=len, reverse=True):
        if recipe == model:
            return ""
        if recipe.startswith(f"{model} | "):
            return recipe.removeprefix(f"{model} | ")
    return recipe


def short(recipe: str) -> str:
    """The recipe with long texts cut, for tables; the whole one stands in the verdict."""
    recipe = re.sub(r"examples=\[.*\]\]", "examples=…", recipe)
    return re.sub(r'"((?:[^"\\]|\\.){20})(?:[^"\\]|\\.)+"', r'"\1…"', recipe)
