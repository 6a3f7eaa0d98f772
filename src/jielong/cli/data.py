"""`jielong data`: instruction data in three ways and one form; and the terminal in which people answer questions."""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import click

from .. import call_context
from ..contract import Model, Usage
from ..errors import BadInput
from ..measuring.cost_forecast import BudgetLimits, provider
from ..prompts import Language
from ..recipe import load
from ..reporting.formatting import count
from ..reporting.terminal import console, print_json
from ..runtime.home import home_folder
from ..runtime.ledger import Ledger, use_ledger
from ..scope import scope
from . import options
from .annotate import annotate
from .budget_options import budget_limits
from .data_preferences import preferences
from .eval import ledger_line
from .messages import formatted_price, localized
from .progress import Progress

if TYPE_CHECKING:
    from ..training.instructions.teacher import PlannedCalls, Seed, Synthesis, SynthesisOptions

    Work = Callable[[Callable[[int], None]], Awaitable[Synthesis]]

NAMED = 3  # rows that are set aside, each by its line


@click.group(help=localized("help.data"))
def data() -> None:
    pass


@data.group(help=localized("help.data_instruct"))
def instruct() -> None:
    pass


data.add_command(annotate)
data.add_command(preferences)
_out = click.option(
    "--out", type=click.Path(path_type=Path), required=True, metavar="FILE", help=localized("option.rows_out")
)
_seed = click.option("--seed", type=int, default=0, show_default=True, help=localized("option.seed"))


def _pairs(name: str, given: Sequence[str]) -> dict[str, str]:
    pairs = dict(each.partition("=")[::2] for each in given)
    if wrong := [each for each in given if "=" not in each]:
        raise BadInput(f"{name} {wrong[0]}: expected {name} NAME=VALUE")
    return pairs


@instruct.command(help=localized("help.data_templates"))
@click.argument("sets", nargs=-1, required=True, metavar="KIND=FILE…")
@_out
@click.option("--label", "labels", multiple=True, metavar="CELL=NAME", help=localized("option.label_name"))
@click.option("--column", "columns", multiple=True, metavar="FIELD=COL", help=localized("option.field_column"))
@click.option("--each", type=click.IntRange(1, 8), default=1, show_default=True, help=localized("option.each"))
@click.option("--language", "written_in", type=click.Choice(["en", "zh"]), help=localized("option.template_language"))
@click.option("--limit", type=click.IntRange(1), help=localized("option.limit"))
@_seed
@options.as_json
def templates(
    sets: tuple[str, ...], out: Path, labels: tuple[str, ...], columns: tuple[str, ...], each: int,
    written_in: Language | None, limit: int | None, seed: int, as_json: bool,
) -> None:  # fmt: skip
    from ..training.instructions.instruction_row import InstructionRow
    from ..training.instructions.template_rows import LabelledSet, template_rows

    named, fields, rows = _pairs("--label", labels), _pairs("--column", columns), list[InstructionRow]()
    bad: list[str] = []
    for one in sets:
        kind, equals, file = one.partition("=")
        if not equals:
            raise BadInput(f"{one}: expected KIND=FILE, as in sentiment=reviews.csv")
        labelled = LabelledSet(Path(file), kind, named, fields)
        made = template_rows(labelled, each=each, written_in=written_in, limit=limit, seed=seed)
        rows += made.rows
        bad += made.set_aside
    _written(rows, bad, out, as_json)


@instruct.command(help=localized("help.data_people"))
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE…")
@_out
@options.as_json
def people(files: tuple[Path, ...], out: Path, as_json: bool) -> None:
    from ..training.instructions.people import answered_rows

    read = [answered_rows(file) for file in files]
    _written([row for rows, _ in read for row in rows], [why for _, bad in read for why in bad], out, as_json)


def _written(rows: Sequence[object], bad: Sequence[str], out: Path, as_json: bool) -> None:
    from ..training.instructions.instruction_row import InstructionRow, write_instructions

    made = [row for row in rows if isinstance(row, InstructionRow)]
    written = write_instructions(out, made)
    if bad:
        more = f"; … (+{len(bad) - NAMED:,})" if bad[NAMED:] else ""
        print(localized("data.set_aside", n=len(bad), named="; ".join(bad[:NAMED]) + more), file=sys.stderr)
    kinds = Counter(row.kind or row.way for row in made)
    if as_json:
        print_json({"rows": str(out), "n": written, "kinds": kinds, "set_aside": len(bad)})
    else:
        print(localized("data.written", n=written, file=out, kinds=", ".join(f"{k} {n:,}" for k, n in kinds.items())))


_integer = click.IntRange(1)
_synthesis = options.in_order(
    click.argument("seeds", type=click.Path(path_type=Path), metavar="SEEDS"),
    click.option("--teacher", default=options.default_model(), metavar="RECIPE", help=localized("option.data_teacher")),
    _out,
    click.option("-n", "wanted", type=_integer, default=100, show_default=True, help=localized("option.wanted")),
    click.option("--novelty", type=click.FloatRange(0, 1, min_open=True), default=0.7, show_default=True,
                 help=localized("option.novelty")),
    click.option("--max-tokens", type=_integer, default=1024, show_default=True, help=localized("option.reply_tokens")),
    _seed,
    click.option("--concurrency", type=click.IntRange(1, 4096), default=16, show_default=True,
                 help=localized("option.concurrency")),
    options.dry_run,
    budget_limits,
    options.as_json,
)  # fmt: skip


@instruct.command("self-instruct", help=localized("help.data_self_instruct"))
@_synthesis
def self_instruct(
    seeds: Path, teacher: str, out: Path, wanted: int, novelty: float, max_tokens: int, seed: int, concurrency: int,
    dry_run: bool, limits: BudgetLimits, as_json: bool,
) -> None:  # fmt: skip
    from ..training.instructions import self_instruct as way
    from ..training.instructions.teacher import SynthesisOptions

    model, known = load(teacher), _seeds(seeds)
    asked = SynthesisOptions(wanted, seed, novelty, max_tokens)
    planned = way.planned_calls(known, asked, model)
    run = _Run("self-instruct", model, known, asked, limits, concurrency, out, as_json)
    _synthesize(run, planned, dry_run, lambda step: way.self_instruct(model, known, asked, step))


@instruct.command("evol-instruct", help=localized("help.data_evol_instruct"))
@click.option(
    "--generations", type=click.IntRange(1, 20), default=3, show_default=True, help=localized("option.generations")
)
@_synthesis
def evol_instruct(
    seeds: Path, teacher: str, out: Path, wanted: int, novelty: float, max_tokens: int, seed: int, concurrency: int,
    dry_run: bool, limits: BudgetLimits, as_json: bool, generations: int,
) -> None:  # fmt: skip
    from ..training.instructions import evol_instruct as way
    from ..training.instructions.teacher import SynthesisOptions

    model, known = load(teacher), _seeds(seeds)
    asked = SynthesisOptions(wanted, seed, novelty, max_tokens)
    planned = way.planned_calls(known, asked, model, generations)
    run = _Run(f"evol-instruct {generations}", model, known, asked, limits, concurrency, out, as_json)
    _synthesize(run, planned, dry_run, lambda step: way.evol_instruct(model, known, asked, generations, step))


@dataclass(frozen=True)
class _Run:
    way: str
    teacher: Model
    seeds: Sequence[Seed]
    asked: SynthesisOptions
    limits: BudgetLimits
    concurrency: int
    out: Path
    as_json: bool

    @property
    def fingerprint(self) -> str:
        """The same command goes on in the same run of the ledger."""
        parts = [self.way, self.teacher.name, [seed.instruction for seed in self.seeds], asdict(self.asked)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _seeds(file: Path) -> list[Seed]:
    from ..training.instructions.people import read_questions
    from ..training.instructions.teacher import Seed

    questions, bad = read_questions(file)
    if bad:
        print(localized("data.set_aside", n=len(bad), named="; ".join(bad[:NAMED])), file=sys.stderr)
    return [Seed(question.text, question.place) for question in questions]


def _synthesize(run: _Run, planned: Sequence[PlannedCalls], dry_run: bool, work: Work) -> None:
    calls, tokens, usd = _most(run.teacher, planned)
    cost = {"calls": count(calls), "tokens": localized("unknown") if tokens is None else count(tokens)}
    print(
        localized("data.plan", n=run.asked.wanted, seeds=len(run.seeds), **cost, usd=formatted_price(usd)),
        ledger_line(), sep="\n", file=sys.stderr,
    )  # fmt: skip
    if dry_run:
        if run.as_json:
            print_json({"max_calls": calls, "max_tokens": tokens, "max_usd": usd})
        return
    file = home_folder() / "ledger.db"
    with Ledger(file) as ledger:
        number = ledger.begin(run.fingerprint, f"data instruct {run.way}")
    with (
        use_ledger(file, number) as ledger, run.limits.around_calls(), scope(run.way) as spent,
        Progress(1, run.asked.wanted) as progress, call_context.replace(max_concurrency=run.concurrency),
    ):  # fmt: skip
        result = anyio.run(work, lambda rows: progress.of(rows, run.asked.wanted))
        if not result.stopped:
            ledger.finish(number)
    for text in spent.notes:
        console(stderr=True).print(text, soft_wrap=True)
    _report(run, result, spent.usage)


def _most(teacher: Model, planned: Sequence[PlannedCalls]) -> tuple[int, int | None, float | None]:
    """The most calls, tokens and dollars that the plan can take; None where there is no bound."""
    base, calls, tokens, usd = provider(teacher), 0, 0, 0.0
    bounded = True
    for plan in planned:
        n = plan.most * teacher.max_calls()
        bound = base.max_cost(plan.like) if base else None
        calls += n
        bounded = bounded and bound is not None and bound.tokens is not None and bound.usd is not None
        if bound:
            tokens += n * (bound.tokens or 0)
            usd += n * (bound.usd or 0.0)
    return calls, tokens if bounded else None, usd if bounded else None


def _report(run: _Run, result: Synthesis, usage: Usage) -> None:
    from ..training.instructions.instruction_row import write_instructions

    written = write_instructions(run.out, result.rows)
    tokens = usage.input_tokens + usage.output_tokens
    if run.as_json:
        print_json({
            "rows": str(run.out), "n": written, "proposed": result.proposed, "set_aside": result.set_aside,
            "lost_calls": result.lost_calls, "stopped": result.stopped,
            "usage": {"calls": usage.calls, "tokens": tokens, "usd": usage.usd},
        })  # fmt: skip
        return
    if result.stopped:
        print(localized("data.stopped", why=result.stopped), file=sys.stderr)
    print(localized("data.synthesized", n=written, file=run.out, proposed=result.proposed))
    for reason, times in result.set_aside.most_common():
        print(f"  {times:>6,}  {localized(f'data.fault.{reason}')}")
    if result.lost_calls:
        print(f"  {result.lost_calls:>6,}  {localized('data.lost')}")
    print(localized("data.spent", calls=count(usage.calls), tokens=count(tokens), usd=formatted_price(usage.usd)))
