"""The curves of a training run as a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .charts import ChartLine, curves
from .html_page import HtmlPage, table
from .wording import Language

if TYPE_CHECKING:
    from ..training.training_output import CurvePoint

_WORDS = {
    "en": ("Training of {name}", "Loss by tokens read", "training", "held out", "tokens read", "loss, nats per token",
           "Learning rate", "learning rate", "Speed", "tokens per second", "Latest step",
           ("step", "tokens", "loss", "held-out loss", "tokens/s")),
    "zh": ("{name} 的训练", "损失随已读词元数的变化", "训练", "留出", "已读词元数", "损失（每词元 nat）",
           "学习率", "学习率", "速度", "词元/秒", "最新一步",
           ("步数", "词元", "损失", "留出损失", "词元/秒")),
}  # fmt: skip


def write_page(points: Sequence[CurvePoint], name: str, file: Path, language: Language) -> None:
    """Loss, learning rate and speed by tokens, in one HTML file."""
    (title, losses, training, held_out, tokens, loss,
     rates, rate, speed, per_second, latest, columns) = _WORDS[language]  # fmt: skip
    page = HtmlPage(str(title).format(name=name), language)
    evaluated, last = [point for point in points if point.held_out is not None], points[-1]
    held_out_loss = f"{evaluated[-1].held_out:.4f}" if evaluated else "–"
    row = (f"{last.step:,}", f"{last.tokens:,}", f"{last.loss:.4f}", held_out_loss, f"{last.tokens_per_second:,.0f}")
    page.add(str(latest), table(columns, [row]))

    def line(label: object, value: Callable[[CurvePoint], float | None], among: Sequence[CurvePoint]) -> ChartLine:
        return ChartLine(str(label), [(point.tokens, value(point) or 0.0) for point in among])

    both = [line(training, lambda p: p.loss, points)]
    both += [line(held_out, lambda p: p.held_out, evaluated)] if evaluated else []
    page.add(str(losses), curves(both, x=str(tokens), y=str(loss)))
    figures = ((rates, rate, lambda p: p.learning_rate), (speed, per_second, lambda p: p.tokens_per_second))
    for heading, label, value in figures:
        page.add(str(heading), curves([line(label, value, points)], x=str(tokens), y=str(label), height=240))
    page.write(file)
