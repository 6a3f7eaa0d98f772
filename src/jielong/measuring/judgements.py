"""Verdicts of judges that exist already, read from files of others, so that no judge is asked again.

- LLMBar's result.json: input, output_1, output_2, label, and `results` with a winner for each order;
- AlpacaEval's annotations.json: instruction, output_1 (the baseline), output_2, and `preference` from 1 to 2. It asks
  one order, drawn at random, so the other counts as saying the same: nothing is known of its swap consistency.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import BadInput
from ..tasks.data_files import read
from ..tasks.data_row import BadRow
from .pair_judge import JudgedPairs, PairVerdict
from .vote_pairs import Pair, read_pair


def read_judgements(file: Path) -> list[JudgedPairs]:
    """The verdicts of each judge that the file names. Raises BadInput, which names the line."""
    judged: dict[str, list[PairVerdict]] = {}
    for row in read(file):
        place = f"{file}, line {row.line}"
        if isinstance(row, BadRow):
            raise BadInput(f"{place}: {row.why}")
        name = str(row.fields.get("annotator") or row.fields.get("judge") or file.stem)
        given = judged.setdefault(name, [])
        given.append(_verdict(row.fields, place, f"{len(given) + 1}"))
    if not judged:
        raise BadInput(f"{file} holds no judgements")
    return [_judged(name, verdicts) for name, verdicts in judged.items()]


def holds_judgements(fields: Mapping[str, Any]) -> bool:
    return "preference" in fields or isinstance(fields.get("results"), list)


def _verdict(fields: Mapping[str, Any], place: str, number: str) -> PairVerdict:
    if "preference" in fields:
        return _alpaca_eval(fields, place, number)
    results = fields.get("results")
    if not isinstance(results, list) or not results or not isinstance(results[-1], dict):
        raise BadInput(f"{place}: no judgement; expected `preference` or `results`")
    winners = [results[-1].get(f"swap = {swap}", {}).get("winner") for swap in ("False", "True")]
    ab, ba = ({"1": 1.0, "2": 0.0}.get(str(winner)) for winner in winners)
    pair = read_pair({**fields, "id": fields.get("id", number)}, place)
    return PairVerdict(pair, ((ab, None if ba is None else 1 - ba),))


def _alpaca_eval(fields: Mapping[str, Any], place: str, number: str) -> PairVerdict:
    """The model is model_a, the baseline model_b."""
    sides = {
        "prompt": fields.get("instruction"), "model_a": fields.get("generator_2"), "response_a": fields.get("output_2"),
        "model_b": fields.get("generator_1"), "response_b": fields.get("output_1"), "id": fields.get("index", number),
    }  # fmt: skip
    pair: Pair = read_pair(sides, place)
    preference = fields["preference"]
    if preference is None:
        return PairVerdict(pair, ((None, None),))
    if not isinstance(preference, int | float) or not (preference == 0 or 1 <= preference <= 2):
        raise BadInput(f"{place}: preference is {preference!r}; expected a number from 1 to 2, or 0 for a draw")
    share = 0.5 if preference == 0 else float(preference) - 1
    return PairVerdict(pair, ((share, 1 - share),))


def _judged(name: str, verdicts: list[PairVerdict]) -> JudgedPairs:
    unread = sum(value is None for verdict in verdicts for order in verdict.orders for value in order)
    return JudgedPairs(name, tuple(verdicts), unread)
