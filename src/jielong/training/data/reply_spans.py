"""Which stretches of a rendered conversation the assistant wrote, for any chat template.

A reply is what follows the text that a model is shown when it is asked for it: the messages before, rendered with the
generation prompt. A template with generation marks says more exactly what it is. Where a template writes earlier turns
in another way than the last one (it forgets their thoughts, moves the tools, ends the last turn alone), a conversation
is several texts, in each of which replies stand as the model gives them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ...models.template_rendering import MARKS
from ...scope import note

Turn: TypeAlias = Mapping[str, Any]
Render: TypeAlias = Callable[
    [Sequence[Turn], bool, bool], str
]  # messages, generation prompt, marks → text or ValueError
_PROBES = "\x01", "\x02"


@dataclass(frozen=True)
class RenderedText:
    """A text, and the stretches of it that are learnt: start, end, weight; in order."""

    text: str
    spans: tuple[tuple[int, int, float], ...]

    def weight_at(self, place: int) -> float:
        return next((weight for start, end, weight in self.spans if start <= place < end), 0.0)


def rendered_texts(turns: Sequence[Turn], weights: Sequence[float], render: Render, marked: bool) -> list[RenderedText]:
    """The texts of a conversation; `weights` are those of its turns, and a turn of weight 0 is not learnt.

    Each text ends with the last reply that it teaches. `marked`: the template has generation marks. Raises ValueError.
    """
    texts: list[RenderedText] = []
    for i, weight in enumerate(weights):
        if not weight:
            continue
        until = render(turns[: i + 1], False, False)
        spans = _marked_spans(turns, i, until, render) if marked else [(_start(turns, i, until, render), len(until))]
        learnt = tuple((start, end, weight) for start, end in spans if end > start)
        if not learnt:
            what = "chat template's generation marks cover" if marked else "chat template writes"
            raise ValueError(f"the {what} nothing of message {i + 1}, so that it cannot be learnt")
        if texts and until.startswith(texts[-1].text) and learnt[0][0] >= len(texts[-1].text):
            texts[-1] = RenderedText(until, texts[-1].spans + learnt)
        else:
            texts.append(RenderedText(until, learnt))
    return texts


def _start(turns: Sequence[Turn], i: int, until: str, render: Render) -> int:
    """Where the reply of turn `i` begins in the text until its end."""
    try:
        before = render(turns[:i], True, False)
    except ValueError:  # as of no messages at all, or of a last turn that is not the user's
        return _first_difference(turns, i, render)
    if not until.startswith(before):
        note(
            f"the chat template's generation prompt ends with {before[-20:]!r}, and replies are written without it: "
            "they are learnt so"
        )
        return _first_difference(turns, i, render)
    if before != render(turns[:i], False, False):
        return len(before)
    if head := until[len(before) : _first_difference(turns, i, render)].strip():
        note(f"the chat template has no generation prompt: the model learns to write {head!r} by itself")
    return len(before)


def _marked_spans(turns: Sequence[Turn], i: int, until: str, render: Render) -> list[tuple[int, int]]:
    """The marked stretches of turn `i`: those behind the text of the turns before."""
    spans, plain = list[tuple[int, int]](), ""
    for piece in re.split(f"(?=[{MARKS}])", render(turns[: i + 1], False, True)):
        if piece[:1] == MARKS[0]:
            spans.append((len(plain), len(plain)))
        elif piece[:1] == MARKS[1] and spans:
            spans[-1] = (spans[-1][0], len(plain))
        plain += piece.lstrip(MARKS)
    if plain != until:
        raise ValueError("the chat template writes another text with its generation marks, or a message holds one")
    earlier = _common(render(turns[:i], False, False), until) if i else 0
    return [span for span in spans if span[1] > earlier]


def _first_difference(turns: Sequence[Turn], i: int, render: Render) -> int:
    """The first place that changes with what turn `i` says."""
    return _common(*(render([*turns[:i], {**turns[i], "content": probe}], False, False) for probe in _PROBES))


def _common(one: str, other: str) -> int:
    """How many characters two texts begin with in common."""
    same = (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return next(same, min(len(one), len(other)))
