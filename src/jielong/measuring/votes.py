"""Votes of people between two replies: one JSON object a line, appended and never rewritten, so that nothing is lost.

    {"id": "q7", "cluster": "q7", "model_a": "mini", "model_b": "gpt", "winner": "model_b", "rater": "anna",
     "shown_first": "model_b", "style_a": [120, 2, 0, 1], "style_b": [80, 0, 0, 0], "time": "2026-01-31T10:00:00+00:00"}

`winner` is model_a, model_b, tie, both_bad, cannot_tell, or undone (the rater took the vote back). Of several votes of
one rater on one pair the last counts. Files of Chatbot Arena (`tie (bothbad)`, `judge`, `question_id`) are read, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from ..errors import BadInput
from ..tasks.data_files import read
from ..tasks.data_row import BadRow
from .reply_style import style_counts

Winner: TypeAlias = Literal["model_a", "model_b", "tie", "both_bad", "cannot_tell", "undone"]
_OTHER_WORDS: Mapping[str, Winner] = {
    "a": "model_a", "b": "model_b", "tie (bothbad)": "both_bad", "bothbad": "both_bad", "both bad": "both_bad",
    "cannot tell": "cannot_tell", "draw": "tie",
}  # fmt: skip
_SWAPPED: Mapping[str, Winner] = {"model_a": "model_b", "model_b": "model_a"}
_IDS, _RATERS = ("id", "question_id", "pair_id"), ("rater", "judge", "annotator")
_CLUSTERS, _PROMPTS = ("cluster",), ("prompt", "question", "instruction", "input")


@dataclass(frozen=True, slots=True)
class Vote:
    """`cluster`: what votes on one prompt share. `rater` is None where the file names none. `style_a` and `style_b` are
    counts in the order of STYLE_TERMS. `pair` is the hash of the pair that was shown."""

    id: str
    cluster: str
    model_a: str
    model_b: str
    winner: Winner
    rater: str | None = None
    shown_first: str | None = None
    style_a: tuple[float, ...] | None = None
    style_b: tuple[float, ...] | None = None
    pair: str | None = None

    def sorted_models(self) -> Vote:
        """The same vote with the two models in alphabetical order, so that raters who saw them swapped compare."""
        if self.model_a <= self.model_b:
            return self
        return Vote(
            self.id, self.cluster, self.model_b, self.model_a, _SWAPPED.get(self.winner, self.winner), self.rater,
            _SWAPPED.get(self.shown_first or "", self.shown_first), self.style_b, self.style_a, self.pair,
        )  # fmt: skip


@dataclass(frozen=True)
class VoteFile:
    """What a file of votes holds: the votes that count; how many were replaced or taken back by the same rater; and
    what is wrong with the rows that could not be read."""

    votes: tuple[Vote, ...]
    replaced: int
    unread: tuple[str, ...]


def rater_key(rater: str) -> str:
    """Anna, ANNA and "anna " are one person."""
    return " ".join(rater.split()).casefold()


def read_votes(files: Iterable[Path], cluster: str | None = None) -> VoteFile:
    """The votes of all files. `cluster` names the column of what belongs together, if it is not called so.

    Raises BadInput for files that cannot be read, and where no row of them is a vote.
    """
    latest: dict[object, Vote] = {}
    unread: list[str] = []
    rows = given = 0
    for file in {file.resolve(): file for file in files}.values():  # one that is named twice is read once
        for row in read(file):
            try:
                if isinstance(row, BadRow):
                    raise ValueError(row.why)
                vote = _vote(row.fields, f"{file}:{row.line}", cluster)
            except ValueError as error:
                unread.append(f"{file}, line {row.line}: {error}")
                continue
            rows += 1
            given += vote.winner != "undone"
            identity: object = (rater_key(vote.rater), vote.id, vote.model_a, vote.model_b) if vote.rater else rows
            latest.pop(identity, None)  # a later vote stands in its own place, not in that of the one it replaces
            latest[identity] = vote
    counted = tuple(vote for vote in latest.values() if vote.winner != "undone")
    if not rows and unread:
        raise BadInput(f"no vote could be read: {unread[0]}")
    return VoteFile(counted, given - len(counted), tuple(unread))


def _vote(fields: Mapping[str, Any], place: str, cluster: str | None) -> Vote:
    models = [fields.get(name) for name in ("model_a", "model_b")]
    if not all(isinstance(model, str) and model.strip() for model in models):
        raise ValueError("expected model_a and model_b")
    a, b = (str(model).strip() for model in models)
    if a == b:
        raise ValueError(f"{a} is compared with itself")
    if cluster and fields.get(cluster) is None:
        raise ValueError(f"no column {cluster!r}")
    name = _first(fields, _IDS) or place
    group = str(fields[cluster]) if cluster else _first(fields, _CLUSTERS) or _first(fields, _PROMPTS) or name
    first = fields.get("shown_first")
    return Vote(
        name, group, a, b, read_winner(fields.get("winner"), a, b), _first(fields, _RATERS),
        first if first in _SWAPPED else None, _style(fields, "a"), _style(fields, "b"), fields.get("pair"),
    ).sorted_models()  # fmt: skip


def _first(fields: Mapping[str, Any], names: Iterable[str]) -> str | None:
    for name in names:
        if (cell := fields.get(name)) is not None and str(cell).strip():
            return cell.strip() if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False)
    return None


def read_winner(cell: Any, a: str, b: str) -> Winner:
    """Who won, in any of the ways in which files say it. Raises ValueError."""
    text = cell.strip() if isinstance(cell, str) else ""
    if text in (a, b):
        return "model_a" if text == a else "model_b"
    word = text.casefold()
    for winner in get_args(Winner):
        if word == winner or _OTHER_WORDS.get(word) == winner:
            return winner  # type: ignore[no-any-return]
    raise ValueError(f"winner is {cell!r}; expected {', '.join(get_args(Winner)[:5])}")


def _style(fields: Mapping[str, Any], side: str) -> tuple[float, ...] | None:
    counts = fields.get(f"style_{side}")
    if isinstance(counts, list) and len(counts) == 4:
        if not all(isinstance(n, int | float) and not isinstance(n, bool) and 0 <= n < 1e12 for n in counts):
            raise ValueError(f"style_{side} is no list of four counts")
        return tuple(map(float, counts))
    reply = fields.get(f"response_{side}")
    return tuple(map(float, style_counts(reply))) if isinstance(reply, str) else None
