"""Preferences to learn from: what people's votes, a judge with a constitution, or a rule say of pairs of replies.

A row has prompt, chosen and rejected, and `preference`, the probability that chosen is better: .5 is a tie, which is
learnt as one. AI feedback by written principles is Bai et al.'s (2022, Constitutional AI); each pair is shown in both
orders, and a judge that contradicts itself has made a tie.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import BadInput
from ..regular_files import read_regular_file
from ..tasks.data_files import KINDS
from .judge_sources import Criteria, read_criteria
from .pair_judge import JudgedPairs
from .rater_reliability import RaterModel
from .vote_pairs import Pair

MOST_PRINCIPLES = 100
_BULLET = re.compile(r"^\s*(?:[-*•]|\d{1,3}[.)、])\s*")


def read_constitution(file: Path) -> Criteria:
    """The principles by their ids: a data file of criteria, or a text with one principle a line. Raises BadInput."""
    if file.suffix.lower() in KINDS:
        return read_criteria(file)
    try:
        lines = read_regular_file(file).decode().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file}: cannot be read as a text ({error})") from None
    principles = [text for line in lines if (text := _BULLET.sub("", line).strip()) and not line.startswith("#")]
    if not 0 < len(principles) <= MOST_PRINCIPLES:
        raise BadInput(f"{file}: {len(principles)} principles; expected 1 to {MOST_PRINCIPLES}, one a line")
    return {str(number): text for number, text in enumerate(principles, 1)}


def voted_scores(pairs: Sequence[Pair], raters: RaterModel) -> dict[str, float]:
    """What the raters say for model_a of each pair on which one of them said something. Raises BadInput for none."""
    found = {(each.id, each.model_a, each.model_b): each for each in raters.preferences}
    scores = {}
    for pair in pairs:
        a, b = sorted((pair.model_a, pair.model_b))
        if (each := found.get((pair.id, a, b))) is not None:
            scores[pair.id] = each.preference if a == pair.model_a else 1 - each.preference
    if not scores:
        raise BadInput("no vote is of one of these pairs; votes and pairs are matched by their ids")
    return scores


def judged_scores(judged: JudgedPairs) -> dict[str, float]:
    """A judge's verdicts for model_a, the mean of both orders; a pair that lost one has none."""
    return {verdict.pair.id: score for verdict in judged.verdicts if (score := verdict.score) is not None}


def preference_rows(pairs: Sequence[Pair], scores: Mapping[str, float], source: str) -> list[dict[str, Any]]:
    """A row for each pair with a score; replies that are the same text teach nothing and are left out."""
    rows = []
    for pair in pairs:
        score = scores.get(pair.id)
        if score is None or pair.response_a.strip() == pair.response_b.strip():
            continue
        better, worse = (pair.response_a, pair.response_b) if score >= 0.5 else (pair.response_b, pair.response_a)
        rows.append({
            "id": pair.id, "cluster": pair.cluster, "prompt": pair.prompt, "chosen": better, "rejected": worse,
            "preference": round(max(score, 1 - score), 6), "source": source,
        })  # fmt: skip
    return rows
