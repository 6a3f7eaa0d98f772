"""The curves of a training as a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from .html_page import HtmlPage, Series, chart, table
from .html_page import Point as Dot

if TYPE_CHECKING:
    from ..training.training_loop import CurvePoint

_WORDS = {
    "en": ("Training of {name}", "Loss by tokens read", "training", "held out", "tokens read", "loss, nats a token",
           "Learning rate", "rate", "Speed", "tokens a second", "Where it stands",
           ["step", "tokens", "loss", "held-out loss", "tokens/s"]),
    "zh": ("{name} 的训练", "损失与读过的词元数", "训练", "留出", "读过的词元数", "损失（每词元 nat）",
           "学习率", "学习率", "速度", "词元/秒", "现状",
           ["步", "词元", "损失", "留出损失", "词元/秒"]),
}  # fmt: skip


def write_page(points: Sequence[CurvePoint], name: str, file: Path, language: Literal["en", "zh"]) -> None:
    """Loss, learning rate and speed by tokens, in one HTML file."""
    title, losses, training, held_out, tokens, loss, rates, rate, speed, per_second, stands, columns = _WORDS[language]
    page = HtmlPage(title.format(name=name), language)
    judged = [point for point in points if point.held_out is not None]
    last = points[-1]
    row = [
        str(last.step),
        f"{last.tokens:,}",
        f"{last.loss:.4f}",
        f"{judged[-1].held_out:.4f}" if judged else "–",
        f"{last.tokens_per_second:,.0f}",
    ]
    page.add(stands, table([str(column) for column in columns], [row]))
    both = [Series(training, [Dot(p.tokens, p.loss) for p in points])]
    if judged:
        both.append(Series(held_out, [Dot(p.tokens, p.held_out or 0.0) for p in judged]))
    page.add(losses, chart(both, x=tokens, y=loss))
    page.add(rates, chart([Series(rate, [Dot(p.tokens, p.rate) for p in points])], x=tokens, y=rate, height=240))
    speeds = Series(per_second, [Dot(p.tokens, p.tokens_per_second) for p in points])
    page.add(speed, chart([speeds], x=tokens, y=per_second, height=240))
    page.write(file)
