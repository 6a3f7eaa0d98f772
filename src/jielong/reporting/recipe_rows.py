"""The figures of recipes, a row for each, and the tables that pages, notebooks and terminals show of them."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..contract import Usage
from ..improving.improve_result import Candidate, Dropped, ImproveResult
from ..improving.verdict import ALPHA
from ..measuring.results import EvalReport, ModelResult
from ..stats import Estimate, Interval, PairedDifference, quantile
from .formatting import Cell, count, duration, interval, p_value, percent, signed, token_count
from .wording import Words


@dataclass(frozen=True)
class Spent:
    """Of a mean item, without what a judge took to grade it."""

    input_tokens: float
    output_tokens: float
    calls: float
    usd: float | None  # None: unknown
    untold: float = 0.0  # calls whose endpoint did not say how many tokens they took

    @property
    def tokens(self) -> float:
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True)
class RecipeRow:
    """One recipe against the baseline, on the items that both have met. The baseline's own row compares nothing."""

    number: int
    recipe: str
    n: int  # items that were scored
    accuracy: Estimate
    spent: Spent
    p50: float | None
    p95: float | None
    difference: float | None = None
    ci95: Interval | None = None
    p: float | None = None  # corrected; the search tests nothing
    no_answer: int = 0  # replies without an answer: truncated, declined, or nothing in it that the rule looks for
    lost: int = 0  # items without a reply: they have no score
    dropped: Dropped | None = None

    @property
    def no_effect(self) -> bool:
        """Nothing was seen: the test says so where there is one, else the interval of the difference contains 0."""
        return self.p >= ALPHA if self.p is not None else self._interval_contains_zero

    @property
    def _interval_contains_zero(self) -> bool:
        return self.ci95 is not None and self.ci95[0] <= 0 <= self.ci95[1]

    @property
    def test_and_interval_disagree(self) -> bool:
        """They may: the exact test is stricter, and p is corrected for all comparisons. The test decides."""
        return self.p is not None and self.no_effect != self._interval_contains_zero


def eval_rows(report: EvalReport) -> list[RecipeRow]:
    rows = [model_row(result) for result in report.results[:1]]
    for comparison in report.comparisons():
        rows.append(model_row(comparison.other, rows, comparison.pair, comparison.p_holm))
    return rows


def final_rows(result: ImproveResult) -> list[RecipeRow]:
    """The baseline and those that met it on new items, in the order of the search. Empty without a final."""
    if not (result.plain and result.plain.answers):
        return []
    compared = {comparison.recipe: comparison for comparison in result.comparisons}
    rows: list[RecipeRow] = []
    for finalist in result.finalists:
        pair = compared.get(finalist.model)
        rows.append(model_row(finalist, rows, pair, pair.p_holm if pair else None))
    return rows


def model_row(
    result: ModelResult, above: Sequence[RecipeRow] = (), pair: PairedDifference | None = None, p: float | None = None
) -> RecipeRow:
    """One model, compared with the first of the rows `above` where there are some."""
    spent = _per_item(sum((answer.usage for answer in result.answers), Usage()), len(result.answers))
    return RecipeRow(
        len(above) + 1, result.model, result.n, result.accuracy, spent,
        result.latency(0.5), result.latency(0.95), pair.difference if pair else None, pair.ci95 if pair else None, p,
        result.no_answer, result.lost,
    )  # fmt: skip


def search_rows(result: ImproveResult) -> list[RecipeRow]:
    """Every candidate as it did in the search, those that came furthest first."""
    baseline = result.candidates[0]

    def reached(candidate: Candidate) -> tuple[bool, bool, int, float]:
        gain = candidate.against(baseline).difference if candidate.scores else 0.0
        return candidate is baseline, candidate.dropped is None, len(candidate.scores), gain

    ordered = sorted(result.candidates, key=reached, reverse=True)
    return [_searched(i, candidate, baseline) for i, candidate in enumerate(ordered, 1)]


def _searched(number: int, candidate: Candidate, baseline: Candidate) -> RecipeRow:
    n, lost, seconds = len(candidate.scores), candidate.scores.count(None), candidate.seconds
    spent = _per_item(candidate.usage, n)
    pair = candidate.against(baseline) if n and candidate is not baseline else None
    return RecipeRow(
        number, candidate.recipe, n - lost, candidate.accuracy, spent,
        quantile(seconds, 0.5) if seconds else None, quantile(seconds, 0.95) if seconds else None,
        pair.difference if pair else None, pair.ci95 if pair else None, lost=lost, dropped=candidate.dropped,
    )  # fmt: skip


def _per_item(usage: Usage, n: int) -> Spent:
    n, usd = n or 1, usage.usd
    untold = usage.unsettled_calls / n
    if untold and not usd:  # a price of no tokens, as nobody told how many there were
        usd = None
    return Spent(usage.input_tokens / n, usage.output_tokens / n, usage.calls / n, usd and usd / n, untold)


def front(rows: Sequence[RecipeRow]) -> set[int]:
    """The numbers of the rows that no other one beats: none that is as good is cheaper, none as cheap is better."""

    def beats(other: RecipeRow, row: RecipeRow) -> bool:
        cost, gain = other.spent.tokens - row.spent.tokens, other.accuracy.mean - row.accuracy.mean
        return cost <= 0 and gain >= 0 and (cost, gain) != (0, 0)

    return {row.number for row in rows if not any(beats(other, row) for other in rows)}


# ---- tables ----


@dataclass(frozen=True)
class Table:
    columns: tuple[str, ...]
    rows: list[list[Cell]]


def results_table(rows: Sequence[RecipeRow], words: Words, name: Callable[[RecipeRow], str], *, judged: bool) -> Table:
    """Quality, difference from the baseline, which is the first row, and what a question takes."""

    def tokens(amount: float, baseline: float, row: RecipeRow) -> Cell:
        untold = row.spent.untold or rows[0].spent.untold
        compared = row is not rows[0] and (row.n or row.lost) and not untold
        return Cell(token_count(round(amount), row.spent.untold), f"({amount - baseline:+,.0f})" if compared else "")

    names = ["recipe", "grade" if judged else "right", "difference", "p", "input", "output", "calls", "usd", "latency"]
    names += [name for name in ("no_answer", "lost") if any(getattr(row, name) for row in rows)]
    return Table(
        tuple(words["column"][name] for name in names),
        [
            [
                Cell(name(row)),
                Cell(percent(row.accuracy.mean), interval(row.accuracy.ci95)),
                _difference(row),
                Cell("" if row.p is None else p_value(row.p)),
                tokens(row.spent.input_tokens, rows[0].spent.input_tokens, row),
                tokens(row.spent.output_tokens, rows[0].spent.output_tokens, row),
                Cell(count(row.spent.calls)),
                Cell("?" if row.spent.usd is None else f"{1000 * row.spent.usd:.2f}" if row.spent.usd else "0"),
                Cell(duration(row.p50), duration(row.p95)),
                *(Cell(str(getattr(row, name) or "")) for name in names[9:]),
            ]
            for row in rows
        ],
    )


def disagreement(rows: Sequence[RecipeRow], words: Words, name: Callable[[RecipeRow], str]) -> str:
    """Says which rows have a test and an interval that disagree, and that the test decides; "" for none."""
    names = words["search"]["comma"].join(name(row) for row in rows if row.test_and_interval_disagree)
    return words["note"]["p_decides"].format(recipes=names) if names else ""


def search_table(
    rows: Sequence[RecipeRow], words: Words, name: Callable[[RecipeRow], str], ends: Sequence[str], *, judged: bool
) -> Table:
    """How far each candidate came; `ends` say what happened to it."""
    names = ("recipe", "n", "grade" if judged else "right", "difference", "outcome")
    return Table(
        tuple(words["column"][name] for name in names),
        [
            [Cell(name(row)), Cell(str(row.n)), Cell(percent(row.accuracy.mean) if row.n else ""), _difference(row),
             Cell(end, prose=True)]
            for row, end in zip(rows, ends, strict=True)
        ],
    )  # fmt: skip


def _difference(row: RecipeRow) -> Cell:
    return Cell("") if row.difference is None else Cell(signed(row.difference), interval(row.ci95))


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
