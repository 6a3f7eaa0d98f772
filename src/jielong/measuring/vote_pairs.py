"""Pairs of replies that people are to compare, and the order and sides in which each rater sees them.

    {"id": "q7", "prompt": "Why is the sky blue?", "model_a": "mini", "response_a": "…", "model_b": "gpt",
     "response_b": "…"}

A file may have input, output_1 and output_2 instead, as LLMBar has. `answer` (what is accepted) and `label` (1 or 2, or
who is better, by a name as in votes) are for judges; no rater sees them.

Order and sides are drawn from the rater's name and the pair, so that they are as random as any and the same when the
rater returns.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import BadInput
from ..tasks.data_files import read
from ..tasks.data_row import BadRow
from .reply_style import style_counts
from .votes import Vote, Winner, rater_key, read_winner

_PROMPTS = ("prompt", "question", "instruction", "input")


@dataclass(frozen=True)
class Pair:
    id: str
    cluster: str
    prompt: str
    model_a: str
    model_b: str
    response_a: str
    response_b: str
    accepted: tuple[str, ...] = ()
    label: Winner | None = None  # which reply is known to be better

    @property
    def sha256(self) -> str:
        """Of all that is shown, to tell a pair from an earlier one of the same id; 16 digits."""
        text = json.dumps([self.prompt, self.model_a, self.response_a, self.model_b, self.response_b])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def shows_a_first(self, rater: str) -> bool:
        return _draw("side", rater, self.id) % 2 == 0

    def record(self, rater: str, winner: Winner) -> dict[str, Any]:
        """The line of a vote."""
        return {
            "id": self.id, "cluster": self.cluster, "model_a": self.model_a, "model_b": self.model_b, "winner": winner,
            "rater": rater, "shown_first": "model_a" if self.shows_a_first(rater) else "model_b",
            "style_a": style_counts(self.response_a), "style_b": style_counts(self.response_b), "pair": self.sha256,
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
        }  # fmt: skip


def read_pairs(file: Path) -> list[Pair]:
    """Raises BadInput, which names the line, for a row that is no pair and for an id that two pairs have."""
    pairs: list[Pair] = []
    lines: dict[str, int] = {}
    for row in read(file):
        if isinstance(row, BadRow):
            raise BadInput(f"{file}, line {row.line}: {row.why}")
        pair = read_pair(row.fields, f"{file}, line {row.line}")
        if pair.id in lines:
            raise BadInput(f"{file}, line {row.line}: the id {pair.id!r} stands on line {lines[pair.id]}, too")
        lines[pair.id] = row.line
        pairs.append(pair)
    if not pairs:
        raise BadInput(f"{file} holds no pairs")
    return pairs


def holds_pair(fields: Mapping[str, Any]) -> bool:
    return {"response_a", "response_b"} <= set(fields) or {"output_1", "output_2"} <= set(fields)


def read_pair(fields: Mapping[str, Any], place: str) -> Pair:
    prompt = next((fields[name] for name in _PROMPTS if fields.get(name) is not None), None)
    names = ("model_a", "model_b", "response_a", "response_b")
    if "output_1" in fields and "output_2" in fields:
        outputs = zip(names, ("output_1", "output_2", fields["output_1"], fields["output_2"]), strict=True)
        fields = {**dict(outputs), **fields}
    cells = [fields.get(name) for name in names]
    missing = [name for name, cell in zip(("prompt", *names), (prompt, *cells), strict=True) if cell is None]
    if missing:
        raise BadInput(f"{place}: no {', '.join(missing)}; a pair has prompt, {', '.join(names)}")
    a, b, response_a, response_b = map(_text, cells)
    if a.strip() == b.strip():
        raise BadInput(f"{place}: {a} is compared with itself")
    shown = _text(prompt)
    own = next((str(fields[name]) for name in ("id", "question_id") if fields.get(name) is not None), None)
    name = own or hashlib.sha256(json.dumps([shown, a, response_a, b, response_b]).encode()).hexdigest()[:12]
    cluster = str(fields["cluster"]) if fields.get("cluster") is not None else shown
    digest = hashlib.sha256(cluster.encode()).hexdigest()[:12] if len(cluster) > 80 else cluster
    answer, label = fields.get("answer"), fields.get("label")
    accepted = () if answer is None else tuple(map(_text, answer if isinstance(answer, list) else [answer]))
    winner = None if label is None else _label(label, a.strip(), b.strip(), place)
    return Pair(name, digest, shown, a.strip(), b.strip(), response_a, response_b, accepted, winner)


def _label(cell: Any, a: str, b: str, place: str) -> Winner:
    try:
        return read_winner({"1": "model_a", "2": "model_b"}.get(str(cell).strip(), cell), a, b)
    except ValueError as error:
        raise BadInput(f"{place}: label: {error}, 1, 2") from None


def _text(cell: Any) -> str:
    """A text, or the messages of a conversation one below the other."""
    if isinstance(cell, list) and all(isinstance(turn, dict) and "content" in turn for turn in cell):
        return "\n\n".join(f"[{turn.get('role', '')}] {turn['content']}" for turn in cell)
    return cell if isinstance(cell, str) else json.dumps(cell, ensure_ascii=False)


def in_order_for(rater: str, pairs: Iterable[Pair]) -> list[Pair]:
    return sorted(pairs, key=lambda pair: _draw("order", rater, pair.id))


def judged_by(rater: str, votes: Sequence[Vote], pairs: Iterable[Pair]) -> list[Pair]:
    """The pairs on which the rater's votes stand, oldest vote first. A pair that was changed since is to be judged
    again."""
    current = {(pair.id, pair.sha256): pair for pair in pairs}
    own = [vote for vote in votes if vote.rater and rater_key(vote.rater) == rater_key(rater)]
    return [current[place] for vote in own if (place := (vote.id, vote.pair or "")) in current]


def _draw(purpose: str, rater: str, pair: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{purpose}\0{rater_key(rater)}\0{pair}".encode()).digest()[:8])
