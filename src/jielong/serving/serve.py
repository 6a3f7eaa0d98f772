"""`serve(…)`: the server from its start to its end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import anyio
from aiohttp import web

from .. import context
from ..contract import Model
from ..errors import BadInput
from ..runtime.ledger import home_folder, use_ledger
from ..runtime.telemetry import telemetry
from ..sync import run_sync
from .allowed_models import AllowedModels
from .app import Server, ServerLimits
from .auth import AccessGuard, is_loopback

MOST_AT_ONCE, BACKLOG = 4096, 2048  # calls at one endpoint: as many as clients ask for, until it says that it is enough


def serve(
    *models: str | Model,
    host: str = "127.0.0.1",
    port: int = 8100,
    allow: Sequence[str] = (),
    token: str | None = None,
    ready: Callable[[str], object] = print,
) -> None:
    """Serve models by the OpenAI protocol until Ctrl-C or SIGTERM; open answers are finished first.

    `models` are recipes, `NAME=RECIPE`, or models made in Python; `allow` are the specs that clients may compose
    recipes of. Off loopback a `token` is needed. `ready` is told the URL. Works in a notebook's running loop, too.

    Raises: BadInput for a port that is taken or a missing token, and what `load` and `telemetry` raise.
    """
    offer = AllowedModels(models, allow)

    async def run() -> None:
        async with serving(offer, host=host, port=port, token=token) as url:
            ready(url)
            await _asked_to_end()

    with telemetry():
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            anyio.run(run)
        else:
            run_sync(run)


@asynccontextmanager
async def serving(
    offer: AllowedModels,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    token: str | None = None,
    limits: ServerLimits = ServerLimits(),
) -> AsyncIterator[str]:
    """A server inside a running loop; gives its URL. At the end of the block open answers are finished."""
    if token is None and not is_loopback(host):
        raise BadInput(f"{host} is not this machine alone, so a token is needed: put one into a variable, --token-env")
    if token is not None and not token.strip():
        raise BadInput("the token is empty; give one that is hard to guess")
    at_once = context.replace(max_concurrency=MOST_AT_ONCE, initial_concurrency=MOST_AT_ONCE)
    with at_once, use_ledger(home_folder() / "ledger.db") as ledger:
        app = Server(offer, AccessGuard(host, token), ledger, limits).app()
        runner = web.AppRunner(
            app,
            access_log=None,
            logger=_quiet(),
            handler_cancellation=True,
            keepalive_timeout=limits.head_seconds,
            shutdown_timeout=limits.grace_seconds,
            lingering_time=1.0,
            auto_decompress=False,
        )
        await runner.setup()
        try:
            site = web.TCPSite(runner, host, port, backlog=BACKLOG)
            try:
                await site.start()
            except OSError as error:
                words = (
                    f"cannot listen on {host}, port {port} ({error.strerror or error}); use another --port or --host"
                )
                raise BadInput(words) from None
            taken = runner.addresses[0][1]
            yield f"http://{f'[{host}]' if ':' in host else host}:{taken}/v1"
        finally:
            await runner.cleanup()


def _quiet() -> logging.Logger:
    """What is no HTTP is answered by 400 and is no news to the operator."""
    quiet = logging.getLogger("jielong.serving.http")
    quiet.setLevel(logging.CRITICAL)
    return quiet


async def _asked_to_end() -> None:
    """Ctrl-C or SIGTERM. A second one ends the process at once, as the handlers are gone by then."""
    if os.name == "nt" or threading.current_thread() is not threading.main_thread():
        await anyio.sleep_forever()
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            return
