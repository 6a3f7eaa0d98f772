"""Options that several verbs share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from .messages import localized

F = TypeVar("F", bound=Callable[..., Any])


def default_model() -> str:
    return os.environ.get("JIELONG_MODEL", "mini")


model = click.option("-m", "--model", default=default_model, metavar="RECIPE", help=localized("option.model"))
as_json = click.option("--json", "as_json", is_flag=True, help=localized("option.json"))


def task(command: F) -> F:
    """The task and how it is read, as `eval` and `improve` take it."""
    for option in reversed(
        (
            click.argument("task", metavar="TASK"),
            click.option("--input", metavar="COL", help=localized("option.input")),
            click.option("--answer", metavar="COL", help=localized("option.answer")),
            click.option("--rule", metavar="RULE", help=localized("option.rule")),
            click.option("--limit", type=click.IntRange(1), help=localized("option.limit")),
            click.option("--strict", is_flag=True, help=localized("option.strict")),
        )
    ):
        command = option(command)
    return command


def run(command: F) -> F:
    """How a measurement runs."""
    for option in reversed(
        (
            click.option("--seed", type=int, default=0, show_default=True, help=localized("option.seed")),
            click.option(
                "--concurrency",
                type=click.IntRange(1, 4096),
                default=64,
                show_default=True,
                help=localized("option.concurrency"),
            ),
            click.option("--judge", metavar="RECIPE", help=localized("option.judge")),
            click.option("--dry-run", is_flag=True, help=localized("option.dry_run")),
            click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help=localized("option.out")),
            as_json,
        )
    ):
        command = option(command)
    return command
