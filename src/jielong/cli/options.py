"""Options that several verbs share."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce, wraps
from pathlib import Path
from typing import Any, TypeAlias

import click

from ..errors import BadInput
from .messages import localized

MOST_PIPED = 64_000_000  # characters
Decorator: TypeAlias = Callable[[Any], Any]


def default_model() -> str:
    return os.environ.get("JIELONG_MODEL", "mini")


def in_order(*added: Decorator) -> Decorator:
    """Several options as one decorator; `--help` lists them in this order."""
    return lambda command: reduce(lambda inner, option: option(inner), reversed(added), command)


def _question(context: click.Context, option: click.Parameter, words: tuple[str, ...]) -> str:
    if not words:
        raise BadInput(localized("ask.no_words"))
    text = _piped() if words == ("-",) else " ".join(words)
    text.encode()  # raises UnicodeEncodeError for bytes that were no text
    return text


def _piped() -> str:
    text = sys.stdin.read(MOST_PIPED + 1)
    if len(text) > MOST_PIPED:
        raise BadInput(f"standard input has more than {MOST_PIPED:,} characters; expected a question")
    return text


question = click.argument("text", nargs=-1, callback=_question)
model = click.option("-m", "--model", default=default_model, metavar="RECIPE", help=localized("option.model"))
as_json = click.option("--json", "as_json", is_flag=True, help=localized("option.json"))
out = click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help=localized("option.out"))
task = in_order(
    click.argument("task", metavar="TASK"),
    click.option("--input", metavar="COL", help=localized("option.input")),
    click.option("--answer", metavar="COL", help=localized("option.answer")),
    click.option("--rule", metavar="RULE", help=localized("option.rule")),
    click.option("--instruction", metavar="TEXT", help=localized("option.instruction")),
    click.option("--limit", type=click.IntRange(1), help=localized("option.limit")),
    click.option("--strict", is_flag=True, help=localized("option.strict")),
)
_judge = click.option("--judge", metavar="RECIPE", help=localized("option.judge"))
dry_run = click.option("--dry-run", is_flag=True, help=localized("option.dry_run"))
_asking = in_order(
    click.option("--seed", type=int, default=0, show_default=True, help=localized("option.seed")),
    click.option("--concurrency", type=click.IntRange(1, 4096), default=64, show_default=True,
                 help=localized("option.concurrency")),
    dry_run,
)  # fmt: skip
_run = in_order(_asking, out, as_json)


@dataclass(frozen=True)
class Measurement:
    """What the options of `task` and `run` say."""

    task: str
    input: str | None
    answer: str | None
    rule: str | None
    instruction: str | None
    limit: int | None
    strict: bool
    seed: int
    concurrency: int
    judge: str | None
    dry_run: bool
    out: Path | None
    as_json: bool


def run_with_judges(command: Callable[..., Any]) -> Any:
    """How a measurement runs, for a command that has judges of its own.

    The command gets these options and those of `task` as a `Measurement`, the others by
    name, so this is the innermost decorator."""

    return _run(_with_measurement(command))


def run_without_folder(command: Callable[..., Any]) -> Any:
    """As `run`, for a command whose results are no folder: `Measurement.out` is what it says itself, or None."""
    return _judge(in_order(_asking, as_json)(_with_measurement(command)))


def _with_measurement(command: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(command)
    def _measured(**options: Any) -> Any:
        own = {name: options.pop(name) for name in Measurement.__annotations__ if name in options}
        return command(Measurement(**{"judge": None, "out": None, **own}), **options)

    return _measured


def run(command: Callable[..., Any]) -> Any:
    """As `run_with_judges`, with the option of one judge."""
    return _judge(run_with_judges(command))
