"""The picture of over-optimisation: what voters think and what is paid, by sqrt(KL) (Gao et al. 2022)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import pstdev
from typing import TYPE_CHECKING

from .charts import ChartLine, curves
from .html_page import HtmlPage, table
from .wording import Language, words

if TYPE_CHECKING:
    from ..training.alignment.overoptimization_guard import GuardRecord


def write_page(record: GuardRecord, steps_a_round: int, name: str, file: Path, language: Language) -> None:
    """Both curves, each in its own standard deviations above the start, and a row for each look."""
    texts, looks, estimate = words(language)["guard"], record.looks, record.estimate
    page = HtmlPage(texts["title"].format(name=name), language)
    distances = [look.kl**0.5 if look.kl > 0 else 0.0 for look in looks]
    lines = [("proxy", [look.proxy if look.proxy is not None else float("nan") for look in looks])]
    lines += [("gold", list(estimate.scores))] if estimate else []
    series = [
        ChartLine(texts[label], sorted(zip(distances, _standardised(values), strict=True))) for label, values in lines
    ]
    page.add(texts["curve"], curves(series, x=texts["distance"], y=texts["height"]))
    columns = [texts[f"column_{column}"] for column in ("look", "kl", "proxy", "score", "restored")]
    rows = []
    for number, look in enumerate(looks):
        score = f"{estimate.scores[number]:.2f} ± {1.96 * estimate.deviations[number]:.2f}" if estimate else ""
        restored = texts["restored"] if estimate and estimate.best == number else ""
        proxy = "" if look.proxy is None else f"{look.proxy:.3f}"
        rows.append((f"{look.steps // steps_a_round}", f"{look.kl:.2f}", proxy, score, restored))
    page.add(texts["looks"], table(columns, rows))
    page.write(file)


def _standardised(values: Sequence[float]) -> list[float]:
    known = [value for value in values if value == value]
    deviation = pstdev(known) if len(known) > 1 else 0.0
    return [(value - values[0]) / (deviation or 1.0) for value in values]
