"""The command line: one file per verb, each loaded when it is called."""

from __future__ import annotations

from pathlib import Path

import click

from .. import __version__
from ..registry import find, load_plugin, name_origins
from .messages import localized

_ORDER = (
    "ask next chat eval improve demo distil prompts index train judge vote rank contamination loadtest serve "
    "techniques ledger doctor"
).split()
_WITHOUT_MODELS = ("next", "train", "vote", "rank", "techniques", "ledger", "doctor")


class _Verbs(click.Group):
    """The verbs of the registry; `--plugin FILE.py` may stand before the verb or after it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        plugins, others = _split_plugins(args)
        return super().parse_args(ctx, plugins + others)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*_ORDER, *name_origins("verbs")]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        command: click.Command = find("verbs", cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(verb, localized(f"help.{verb}")) for verb in _ORDER]
        rows += [(verb, find("verbs", verb).get_short_help_str()) for verb in name_origins("verbs")]
        with formatter.section(localized("commands")):
            formatter.write_dl(rows)


def _split_plugins(args: list[str]) -> tuple[list[str], list[str]]:
    """The `--plugin` options of a command line, and the rest; what follows `--` is left alone."""
    plugins: list[str] = []
    others: list[str] = []
    remaining = iter(args)
    for arg in remaining:
        if arg == "--":
            others += [arg, *remaining]
        elif arg == "--plugin":
            plugins += [arg, *([value] if (value := next(remaining, None)) is not None else [])]
        elif arg.startswith("--plugin="):
            plugins.append(arg)
        else:
            others.append(arg)
    return plugins, others


def _load_plugins(ctx: click.Context, option: click.Parameter, files: tuple[Path, ...]) -> None:
    for file in files:
        load_plugin(file)


@click.group(cls=_Verbs, help=localized("help"), context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="jielong %(version)s", help=None)
@click.option("--plugin", "plugins", multiple=True, is_eager=True, expose_value=False, metavar="FILE.py",
              type=click.Path(path_type=Path), callback=_load_plugins, help=localized("option.plugin"))  # fmt: skip
@click.pass_context
def group(ctx: click.Context) -> None:
    if ctx.invoked_subcommand not in _WITHOUT_MODELS:
        from ..runtime.telemetry import telemetry
        from .fault_log import kept_faults

        ctx.with_resource(kept_faults())
        ctx.with_resource(telemetry())
