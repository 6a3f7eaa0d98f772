"""`jielong serve`: models behind the OpenAI protocol."""

from __future__ import annotations

import os
import sys

import click

from ..errors import BadInput
from ..serving.request_lifetime import GRACE_SECONDS
from ..serving.serve import serve as run
from .messages import localized


@click.command(help=localized("help.serve"))
@click.argument("recipes", nargs=-1, metavar="RECIPE…")
@click.option("--host", default="127.0.0.1", show_default=True, help=localized("option.host"))
@click.option("--port", type=click.IntRange(0, 65535), default=8100, show_default=True, help=localized("option.port"))
@click.option("--allow", multiple=True, metavar="SPEC", help=localized("option.allow"))
@click.option("--allow-host", "allow_hosts", multiple=True, metavar="NAME", help=localized("option.allow_host"))
@click.option("--allow-origin", "allow_origins", multiple=True, metavar="URL", help=localized("option.allow_origin"))
@click.option("--root-path", default="", metavar="PATH", help=localized("option.root_path"))
@click.option(
    "--grace", type=click.FloatRange(0, 3600), default=GRACE_SECONDS, show_default=True, help=localized("option.grace")
)
@click.option("--token-env", metavar="VAR", help=localized("option.token_env"))
def serve(
    recipes: tuple[str, ...],
    host: str,
    port: int,
    allow: tuple[str, ...],
    allow_hosts: tuple[str, ...],
    allow_origins: tuple[str, ...],
    root_path: str,
    grace: float,
    token_env: str | None,
) -> None:
    token = os.environ.get(token_env) if token_env else None
    if token_env and token is None:
        raise BadInput(localized("serve.no_token", variable=token_env))

    def ready(url: str) -> None:
        print(localized("serve.ready", url=url), file=sys.stderr, flush=True)

    run(
        *recipes, host=host, port=port, allow=allow, token=token, allow_hosts=allow_hosts, allow_origins=allow_origins,
        root_path=root_path, grace=grace, ready=ready,
    )  # fmt: skip
