"""The curves of a training run as a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .charts import ChartLine, curves
from .html_page import HtmlPage, table
from .wording import Language, words

if TYPE_CHECKING:
    from ..training.training_output import CurvePoint


def write_page(points: Sequence[CurvePoint], name: str, file: Path, language: Language) -> None:
    """Loss, learning rate and speed by tokens, in one HTML file."""
    texts = words(language)["training"]
    page = HtmlPage(texts["title"].format(name=name), language)
    evaluated, last = [point for point in points if point.held_out is not None], points[-1]
    held_out_loss = f"{evaluated[-1].held_out:.4f}" if evaluated else "–"
    row = (f"{last.step:,}", f"{last.tokens:,}", f"{last.loss:.4f}", held_out_loss, f"{last.tokens_per_second:,.0f}")
    columns = [texts[f"column_{column}"] for column in ("step", "tokens", "loss", "held_out", "speed")]
    page.add(texts["latest"], table(columns, [row]))

    def line(label: str, value: Callable[[CurvePoint], float | None], among: Sequence[CurvePoint]) -> ChartLine:
        return ChartLine(texts[label], [(point.tokens, value(point) or 0.0) for point in among])

    both = [line("train", lambda p: p.loss, points)]
    both += [line("held_out", lambda p: p.held_out, evaluated)] if evaluated else []
    page.add(texts["losses"], curves(both, x=texts["tokens"], y=texts["loss"]))
    rate = line("rate", lambda p: p.learning_rate, points)
    speed = line("per_second", lambda p: p.tokens_per_second, points)
    for heading, figures in (("rates", rate), ("speed", speed)):
        page.add(texts[heading], curves([figures], x=texts["tokens"], y=figures.name, height=240))
    page.write(file)
