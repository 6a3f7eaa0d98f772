"""`jielong judge`: models as judges of replies, in pairs or by grades, and how far they may be believed."""

from __future__ import annotations

from pathlib import Path

import anyio
import click

from ..measuring.pair_judge import JudgedPairs, judge_pairs
from ..measuring.vote_pairs import read_pairs
from ..recipe import load
from ..reporting.terminal import print_json
from ..stats import mean
from . import options
from .messages import localized


@click.command(help=localized("help.judge"))
@click.argument("file", metavar="TASK_OR_FILE")
@click.option("--judge", "judges", multiple=True, metavar="RECIPE", help=localized("option.judges"))
@options.as_json
def judge(file: str, judges: tuple[str, ...], as_json: bool) -> None:
    pairs, models = read_pairs(Path(file)), [load(each) for each in judges]
    out: list[JudgedPairs] = []

    async def run() -> None:
        out.extend(await judge_pairs(pairs, models))

    anyio.run(run)
    for each in out:
        scores = [v.score for v in each.verdicts if v.score is not None]
        est = mean(scores)
        print_json({"judge": each.judge, "n": est.n, "mean": est.mean, "ci95": est.ci95, "unread": each.unread, "lost": each.lost})
