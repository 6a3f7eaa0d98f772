"""`jielong data preferences PAIRS`: what to learn from, by people's votes, a judge with principles, or a rule."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import anyio
import click

from ..atomic_write import write_whole
from ..errors import BadInput
from ..measuring.judge_sources import rule_of_pairs
from ..measuring.pair_judge import judge_pairs
from ..measuring.preferences import judged_scores, preference_rows, read_constitution, voted_scores
from ..measuring.rater_reliability import RaterModel, model_raters
from ..measuring.vote_pairs import Pair, read_pairs
from ..measuring.votes import read_votes
from ..recipe import load
from ..reporting.rater_table import rater_lines, rater_table
from ..reporting.terminal import print_json
from ..reporting.wording import words
from ..tasks.metric import find_metric
from . import options
from .eval import ledger_line
from .messages import language, localized
from .progress import Progress

_FILE = click.Path(path_type=Path)


@click.command(help=localized("help.data_preferences"))
@click.argument("file", metavar="PAIRS", type=_FILE)
@click.option("--votes", multiple=True, type=_FILE, metavar="FILE", help=localized("option.preference_votes"))
@click.option("--judge", metavar="RECIPE", help=localized("option.preference_judge"))
@click.option("--constitution", type=_FILE, metavar="FILE", help=localized("option.constitution"))
@click.option("--rule", metavar="RULE", help=localized("option.preference_rule"))
@click.option("--out", type=_FILE, required=True, metavar="FILE", help=localized("option.preferences_out"))
@click.option("--seed", type=int, default=0, show_default=True, help=localized("option.seed"))
@options.as_json
def preferences(
    file: Path, votes: tuple[Path, ...], judge: str | None, constitution: Path | None, rule: str | None, out: Path,
    seed: int, as_json: bool,
) -> None:  # fmt: skip
    if bool(votes) + bool(judge) + bool(rule) != 1:
        raise BadInput("who says which reply is better? expected one of --votes, --judge and --rule")
    if constitution and not judge:
        raise BadInput("--constitution is what a judge goes by: expected --judge, too")
    pairs, raters = read_pairs(file), None
    if votes:
        raters = model_raters(read_votes(votes).votes)
        scores: Mapping[str, float] = voted_scores(pairs, raters)
    elif judge:
        scores = _judged(pairs, judge, read_constitution(constitution) if constitution else {}, seed)
    else:
        reference = anyio.run(rule_of_pairs, pairs, find_metric(str(rule)))
        scores = reference.scores if reference else {}
    rows = preference_rows(pairs, scores, "votes" if votes else judge or str(rule))
    if not rows:
        raise BadInput(f"{file}: nobody said anything of two replies that differ, so there is nothing to learn")
    write_whole(out, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    _print(out, pairs, rows, raters, as_json)


def _judged(pairs: Sequence[Pair], judge: str, principles: Mapping[str, str], seed: int) -> dict[str, float]:
    model = load(judge)
    calls = 2 * len(pairs) * model.max_calls()
    print(
        localized("judge.pairs", n=len(pairs), calls=f"{calls:,}", judges=1), ledger_line(), sep="\n", file=sys.stderr
    )
    scores: dict[str, float] = {}

    async def work() -> None:
        (judged,) = await judge_pairs(pairs, [model], criteria=principles, seed=seed, on_answer=progress.step)
        scores.update(judged_scores(judged))

    with Progress(1, 2 * len(pairs)) as progress:
        anyio.run(work)
    return scores


def _print(
    out: Path, pairs: Sequence[Pair], rows: Sequence[dict[str, Any]], raters: RaterModel | None, as_json: bool
) -> None:
    ties = sum(row["preference"] == 0.5 for row in rows)
    counts = {"rows": len(rows), "ties": ties, "left_out": len(pairs) - len(rows)}
    if as_json:
        print_json({"out": str(out), **counts, "raters": [asdict(each) for each in raters.raters] if raters else []})
        return
    if raters and raters.raters:
        texts = words(language())
        rater_table(raters, texts).print()
        for line in rater_lines(raters, texts):
            print(line)
    print(localized("preferences.written", file=out, **counts))
