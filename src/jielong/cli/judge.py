"""`jielong judge`: models as judges of replies, in pairs or by grades, and how far they may be believed."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio
import click

from ..atomic_write import write_whole
from ..contract import Model
from ..errors import BadInput
from ..measuring.contamination_record import known_findings
from ..measuring.evaluate import compare
from ..measuring.experiment import most_calls
from ..measuring.grade_judge import grade_replies
from ..measuring.judge_audit import CALLS_A_PAIR, audit_judge
from ..measuring.judge_report import GradeReport, PairReport, grade_report, pair_report
from ..measuring.judge_sources import (
    Criteria,
    first_row,
    has_rule,
    only_replies,
    pairs_of_replies,
    people_grades,
    read_criteria,
    rule_of_pairs,
    rule_of_replies,
)
from ..measuring.judgements import holds_judgements, read_judgements
from ..measuring.pair_figures import Reference, labels_of, people
from ..measuring.pair_judge import JudgedPairs, judge_pairs, vote_line
from ..measuring.results import EvalReport
from ..measuring.vote_pairs import Pair, holds_pair, read_pairs
from ..measuring.votes import read_votes
from ..recipe import load
from ..reporting.judge_table import grade_lines, grade_table, pair_lines, pair_tables
from ..reporting.terminal import print_json
from ..reporting.wording import words
from ..tasks.metric import find_metric
from ..tasks.task import Task
from . import options
from .eval import ledger_line, read_task
from .messages import in_language, language, localized
from .progress import Progress


@dataclass(frozen=True)
class _Judging:
    judges: Sequence[Model]
    models: Sequence[str]
    grade: bool
    criteria: Criteria
    votes: Sequence[Path]
    repeats: int
    planted: int
    asked: options.Measurement


@click.command(help=localized("help.judge"))
@options.task
@click.option("-m", "--model", "models", multiple=True, metavar="RECIPE", help=localized("option.models"))
@click.option("--judge", "judges", multiple=True, metavar="RECIPE", help=localized("option.judges"))
@click.option("--grade", is_flag=True, help=localized("option.grade"))
@click.option("--criteria", type=click.Path(path_type=Path), metavar="FILE", help=localized("option.criteria"))
@click.option(
    "--votes", multiple=True, type=click.Path(path_type=Path), metavar="FILE", help=localized("option.people")
)
@click.option("--repeats", type=click.IntRange(1, 100), default=1, show_default=True, help=localized("option.repeats"))
@click.option("--audit", "planted", type=click.IntRange(0), default=0, metavar="N", help=localized("option.audit"))
@options.run_with_judges
def judge(
    measurement: options.Measurement, models: tuple[str, ...], judges: tuple[str, ...], grade: bool,
    criteria: Path | None, votes: tuple[Path, ...], repeats: int, planted: int,
) -> None:  # fmt: skip
    asked = _Judging(
        [load(each) for each in judges], models, grade, read_criteria(criteria) if criteria else {}, votes, repeats,
        planted, measurement,
    )  # fmt: skip
    row = first_row(measurement.task)
    if row and not judges and holds_judgements(row):
        _pairs(asked, read_judgements(Path(measurement.task)))
        return
    if not judges:
        raise BadInput("nobody to judge: expected at least one judge (--judge RECIPE)")
    if row and holds_pair(row):
        if models:
            raise BadInput(f"{measurement.task} holds replies that exist already; -m is for a task")
        _pairs(asked, read_pairs(Path(measurement.task)))
        return
    _task(asked)


def _pairs(asked: _Judging, given: Sequence[Pair] | list[JudgedPairs]) -> None:
    """Pairs to judge, or the verdicts that exist on some."""
    if given and isinstance(given[0], JudgedPairs):
        judged = [each for each in given if isinstance(each, JudgedPairs)]
        pairs = [verdict.pair for verdict in judged[0].verdicts]
        _print_pairs(asked, pair_report(judged, _references(asked, pairs)))
        return
    pairs = [pair for pair in given if isinstance(pair, Pair)]
    if (limit := asked.asked.limit) and limit < len(pairs):
        chosen = set(random.Random(asked.asked.seed).sample(range(len(pairs)), limit))
        pairs = [pair for i, pair in enumerate(pairs) if i in chosen]
    _judge_pairs(asked, pairs, _references(asked, pairs))


def _references(asked: _Judging, pairs: Sequence[Pair]) -> list[Reference]:
    """What others say of the pairs: people, the labels of the file, a rule."""
    by_people = people(read_votes(asked.votes).votes, pairs) if asked.votes else None
    if asked.votes and by_people is None:
        raise BadInput("no vote is of one of these pairs; votes and pairs are matched by their ids")
    rule = asked.asked.rule
    by_rule = anyio.run(rule_of_pairs, pairs, find_metric(rule)) if rule else None
    return [each for each in (by_people, labels_of(pairs), by_rule) if each]


def _judge_pairs(
    asked: _Judging, pairs: Sequence[Pair], references: Sequence[Reference], evaluation: EvalReport | None = None
) -> None:
    clusters = len({pair.cluster for pair in pairs})
    each = 2 * asked.repeats * len(pairs) + CALLS_A_PAIR * min(asked.planted, clusters)
    if _announce(asked, "judge.pairs", len(pairs), each * sum(judge.max_calls() for judge in asked.judges)):
        return
    run, m = asked.asked, len(asked.judges)
    reports: list[PairReport] = []

    async def work(step: Callable[[], None]) -> None:
        judged = await judge_pairs(
            pairs, asked.judges, criteria=asked.criteria, repeats=asked.repeats, seed=run.seed,
            concurrency=run.concurrency, on_answer=step,
        )  # fmt: skip
        audits = [
            await audit_judge(
                pairs, judge, planted=asked.planted, seed=run.seed, concurrency=run.concurrency, on_answer=step
            )
            for judge in asked.judges
            if asked.planted
        ]
        reports.append(pair_report(judged, references, audits))

    _run(work, m, each)
    _print_pairs(asked, reports[0], evaluation)


def _task(asked: _Judging) -> None:
    """A task: ask the models, then let the judges compare or grade their replies."""
    task = only_replies(read_task(asked.asked))
    models = [load(model) for model in asked.models or (options.default_model(),)]
    comparing = len(models) > 1 and not asked.grade
    questions = len(task.items) * (2 * (len(models) - 1) if comparing else len(models)) * asked.repeats
    calls = sum(most_calls(task, model) for model in models)
    if _announce(
        asked, "judge.task", len(task.items), calls + questions * sum(each.max_calls() for each in asked.judges)
    ):
        return
    run, evaluations = asked.asked, list[EvalReport]()

    async def ask(step: Callable[[], None]) -> None:
        evaluations.append(
            await compare(task, models, seed=run.seed, concurrency=run.concurrency, on_answer=step)
        )  # fmt: skip

    _run(ask, len(models), len(task.items))
    (evaluation,) = evaluations
    if comparing:
        pairs = pairs_of_replies(task, evaluation.results)
        rule = rule_of_replies(task, pairs, evaluation.results)
        by_people = people(read_votes(asked.votes).votes, pairs) if asked.votes else None
        _judge_pairs(asked, pairs, [each for each in (by_people, rule) if each], evaluation)
        return
    _grade(asked, task, evaluation)


def _grade(asked: _Judging, task: Task, evaluation: EvalReport) -> None:
    run, reports = asked.asked, list[GradeReport]()
    by_people = people_grades(asked.votes, task) if asked.votes else {}

    async def work(step: Callable[[], None]) -> None:
        graded = await grade_replies(
            task, evaluation.results, asked.judges, criteria=asked.criteria, repeats=asked.repeats, seed=run.seed,
            concurrency=run.concurrency, on_answer=step,
        )  # fmt: skip
        reports.append(grade_report(graded, task, evaluation.results, by_people))

    _run(work, len(asked.judges) * len(evaluation.results), len(task.items) * asked.repeats)
    (report,) = reports
    _write(asked, report, [], evaluation)
    if run.as_json:
        print_json(report.to_json())
        return
    texts = words(language())
    table = grade_table(report, texts)
    table.print()
    print(*map(in_language, grade_lines(report, texts)), sep="\n")


def _announce(asked: _Judging, key: str, n: int, calls: int) -> bool:
    """What is about to happen; true if that was all."""
    run = asked.asked
    print(localized(key, n=n, calls=f"{calls:,}", judges=len(asked.judges)), ledger_line(), sep="\n", file=sys.stderr)
    if run.dry_run and run.as_json:
        print_json({"task": run.task, "n": n, "max_calls": calls})
    return run.dry_run


def _run(work: Callable[[Callable[[], None]], Awaitable[None]], models: int, items: int) -> None:
    with Progress(models, items) as progress:
        anyio.run(work, progress.step)


def _print_pairs(asked: _Judging, report: PairReport, evaluation: EvalReport | None = None) -> None:
    lines = [vote_line(judged.judge, verdict) for judged in report.judged for verdict in judged.verdicts]
    _write(asked, report, [line for line in lines if line], evaluation)
    if asked.asked.as_json:
        print_json(report.to_json())
        return
    texts = words(language())
    for table in pair_tables(report, texts):
        table.print()
        print()
    for line in pair_lines(report, texts):
        print(in_language(line))


def _write(
    asked: _Judging,
    report: PairReport | GradeReport,
    verdicts: Sequence[dict[str, object]],
    evaluation: EvalReport | None,
) -> None:
    """`judge.json`, `verdicts.jsonl`, which `jielong rank` reads as votes of the judges, and the page of a task whose
    models were asked."""
    if not (out := asked.asked.out):
        return
    write_whole(out / "judge.json", json.dumps(report.to_json(), ensure_ascii=False, indent=1) + "\n")
    if verdicts:
        write_whole(out / "verdicts.jsonl", "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in verdicts))
    if evaluation:
        from ..reporting.evaluation_page import Beside, write_evaluation_page

        findings = known_findings(evaluation.task, [result.model for result in evaluation.results])
        beside = Beside(findings, judging=report, scored=has_rule(evaluation.task))
        write_evaluation_page(evaluation, out / "report.html", language(), beside)
    print(localized("run.written", out=out), file=sys.stderr)
