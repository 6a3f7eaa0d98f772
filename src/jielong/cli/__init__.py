"""The command line: one file per verb, each loaded when it is called."""

from __future__ import annotations

from importlib import import_module

import click

from .messages import localized

VERBS = {
    "ask": "ask",
    "next": "next",
    "chat": "chat",
    "eval": "eval",
    "improve": "improve",
    "demo": "improve",
    "prompts": "prompts",
    "train": "train",
    "serve": "serve",
    "techniques": "techniques",
    "ledger": "ledger",
    "doctor": "doctor",
}
_ASK_MODELS = ("ask", "chat", "eval", "improve", "demo", "prompts", "serve")
_FUNCTIONS = {"eval": "eval_", "next": "next_"}  # where Python has the name already


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command: click.Command = getattr(
            import_module(f"{__name__}.{VERBS[cmd_name]}"), _FUNCTIONS.get(cmd_name, cmd_name)
        )
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in VERBS:
            from ..recipe import unknown_name

            raise unknown_name("command", args[0], VERBS)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section(localized("commands")):
            formatter.write_dl([(verb, localized(f"help.{verb}")) for verb in VERBS])


def _print_version(ctx: click.Context, option: click.Parameter, asked: bool) -> None:
    if asked:
        from .. import __version__

        print(f"jielong {__version__}")
        ctx.exit()


@click.group(cls=_Lazy, help=localized("help"), context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version)
@click.pass_context
def group(ctx: click.Context) -> None:
    if ctx.invoked_subcommand in _ASK_MODELS:
        from ..runtime.telemetry import telemetry

        ctx.with_resource(telemetry())
