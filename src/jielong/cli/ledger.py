"""`jielong ledger`: the calls that were made, their replies and their price."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict

import click

from ..contract import Usage
from ..errors import BadInput
from ..reporting.formatting import print_table, token_count
from ..reporting.terminal import print_json
from ..runtime.home import home_path
from ..runtime.ledger import Ledger, LedgerRow
from ..runtime.ledger_json import decode_usage
from . import options
from .messages import formatted_price, localized


@click.group(help=localized("help.ledger"))
def ledger() -> None:
    pass


def _rows(key: str | None = None, run: str | None = None) -> list[LedgerRow]:
    file, rows = home_path() / "ledger.db", []
    if file.exists():
        with Ledger(file, to_read=True) as calls:
            rows = list(calls.rows(run=run, key=key))
    if not rows:
        empty = localized("ledger.empty", file=file)
        raise BadInput(empty if key is None else f"no call in {file} begins with {key!r}")
    return rows


@ledger.command(help=localized("help.ledger_show"))
@click.argument("key", required=False)
@click.option("--last", type=click.IntRange(1), default=20, show_default=True)
@options.as_json
def show(key: str | None, last: int, as_json: bool) -> None:
    rows = _rows(key)[-last:]
    if as_json:
        print_json([asdict(row) for row in rows])
    elif key is not None and len(rows) == 1:
        print_json(asdict(rows[0]), indent=1)
    else:
        print_table("", _columns("key run state model tokens reply"), [_line(row) for row in rows])


def _columns(names: str) -> list[str]:
    return [localized(f"ledger.{name}") for name in names.split()]


def _line(row: LedgerRow) -> list[str]:
    usage = decode_usage(row.usage)
    content = row.reply["message"]["content"] if row.reply else row.error or ""
    text = " ".join((content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)).split())
    untold = usage.unsettled_calls
    tokens = f"{token_count(usage.input_tokens, untold)} → {token_count(usage.output_tokens, untold)}"
    return [row.key[:12], row.run, row.state, row.provider, tokens, text[:48] + ("…" if len(text) > 48 else "")]


@ledger.command(help=localized("help.ledger_cost"))
@options.as_json
def cost(as_json: bool) -> None:
    totals: dict[tuple[str, str], Usage] = defaultdict(Usage)
    bounds: dict[tuple[str, str], int | None] = defaultdict(int)  # None: unknown
    for row in _rows():
        each, usage = (row.run, row.provider), decode_usage(row.usage)
        totals[each] += usage
        bound, known = row.bound_tokens if usage.unsettled_calls else 0, bounds[each]
        bounds[each] = None if bound is None or known is None else known + bound
    if as_json:
        document = [
            {"run": run, "model": model, **asdict(usage), "unsettled_bound_tokens": bounds[run, model]}
            for (run, model), usage in totals.items()
        ]
        print_json(document)
        return
    lines: list[list[str]] = []
    for (run, model), usage in totals.items():
        counts = [str(usage.calls), str(usage.retries), _unsettled(usage.unsettled_calls, bounds[run, model])]
        tokens = [token_count(n, usage.unsettled_calls) for n in (usage.input_tokens, usage.output_tokens)]
        lines.append([run, model, *counts, *tokens, formatted_price(usage.usd)])
    print_table("", _columns("run model calls retries unsettled input output usd"), lines)


def _unsettled(calls: int, bound: int | None) -> str:
    if not calls:
        return "0"
    return localized("ledger.bound", calls=calls, tokens="?" if bound is None else f"{bound:,}")


@ledger.command(help=localized("help.ledger_export"))
@click.option("--run")
def export(run: str | None) -> None:
    for row in _rows(run=run):
        print_json(asdict(row))
