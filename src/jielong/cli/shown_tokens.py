"""`jielong train finetune --show N`: what the loss sees, its tokens coloured by weight; nothing is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from ..reporting.terminal import console, print_json
from .messages import localized

if TYPE_CHECKING:
    from ..training.data.shown_documents import ShownDocument, ShownToken
    from ..training.train_config import TrainConfig


def show_documents(config: TrainConfig, number: int, as_json: bool) -> None:
    from ..scope import scope
    from ..training.data.shown_documents import shown_documents

    with scope("show") as showing:
        documents = shown_documents(config, number)
    for text in showing.notes:
        console(stderr=True).print(text, soft_wrap=True)
    if as_json:
        print_json({"documents": [_json(document) for document in documents]})
        return
    out = console(stderr=False)
    out.print(localized("train.legend" if out.is_terminal else "train.legend_plain"), soft_wrap=True)
    for document in documents:
        figures = {"tokens": f"{document.size:,}", "learnt": f"{document.learnt:,}"}
        out.print(
            "\n" + localized("train.shown", source=document.source, number=document.number, **figures), soft_wrap=True
        )
        _print(document.tokens, out.is_terminal)


def _json(document: ShownDocument) -> dict[str, object]:
    tokens = [{"text": token.text, "ids": token.ids, "weight": token.weight} for token in document.tokens]
    return {"source": document.source, "number": document.number, "learnt": document.learnt, "tokens": tokens}


def _print(tokens: tuple[ShownToken, ...], coloured: bool) -> None:
    """Neighbouring tokens in two shades, so that each can be told from the next; without colours, what counts stands in
    brackets."""
    line, before = Text(), 0.0
    for i, token in enumerate(tokens):
        text = token.text.replace("\n", "↵\n")
        if coloured:
            line.append(text, style=_style(token.weight, i % 2 == 1))
            continue
        if token.weight != before:
            line.append(("⟧" if before else "") + (f"⟦{_times(token.weight)}" if token.weight else ""))
        line.append(text)
        before = token.weight
    line.append("⟧" if before and not coloured else "")
    console(stderr=False).print(line, soft_wrap=True)


def _style(weight: float, second: bool) -> str:
    colour = "bright_black" if not weight else "green" if weight == 1 else "yellow"
    return f"{colour} underline" if second and weight else colour


def _times(weight: float) -> str:
    return "" if weight == 1 else f"×{weight:g} "
