"""`serve(…)`: the server from its start to its end."""

from __future__ import annotations

import asyncio
import ctypes
import math
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from importlib.util import find_spec

import anyio
import uvicorn

from .. import call_context
from ..contract import Model
from ..errors import BadInput
from ..runtime.home import home_folder
from ..runtime.ledger import use_ledger
from ..runtime.runtime import Runtime
from ..runtime.telemetry import telemetry
from ..sync import run_sync
from .allowed_models import AllowedModels
from .app import Server
from .auth import access_middleware
from .http_connection import Connections, HttpConnection
from .request_lifetime import GRACE_SECONDS, ServerLimits

SEND_BUFFER = 1 << 18  # bytes of a connection in the system, beside what is in this process
MAX_CALLS_AT_ONCE = 4096  # at one endpoint: as many as clients ask for, until it says that it is enough


def serve(
    *models: str | Model,
    host: str = "127.0.0.1",
    port: int = 8100,
    allow: Sequence[str] = (),
    token: str | None = None,
    allow_hosts: Sequence[str] = (),
    allow_origins: Sequence[str] = (),
    root_path: str = "",
    grace: float = GRACE_SECONDS,
    ready: Callable[[str], object] = print,
) -> None:
    """Serve models by the OpenAI protocol until Ctrl-C or SIGTERM; open answers are finished first.

    `models` are recipes, `NAME=RECIPE`, or models made in Python; `allow` are the specs that clients may compose
    recipes of. Off loopback a `token` is needed. Behind a proxy, `allow_hosts` are the names that clients know the
    server by and `root_path` is the path that the proxy strips. `allow_origins` are sites whose pages may use the
    server. Open replies are given `grace` seconds at the end. `ready` is called with the URL. Works in a notebook's
    running loop, too.

    Raises: BadInput for a port that is taken or a missing token, and what `load` and `telemetry` raise.
    """
    offer = AllowedModels(models, allow)
    _return_large_memory()

    async def run() -> None:
        serving_here = serving(
            offer, host=host, port=port, token=token,
            allow_hosts=allow_hosts, allow_origins=allow_origins, root_path=root_path,
            limits=ServerLimits(grace_seconds=grace),
        )  # fmt: skip
        async with serving_here as url:
            ready(url)
            await _signal_to_end()

    with telemetry():
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            anyio.run(run, backend_options={"use_uvloop": find_spec("uvloop") is not None})
        else:
            run_sync(run)


def _return_large_memory() -> None:
    """glibc keeps what large texts took, ever more of it, unless this bound stands still (M_MMAP_THRESHOLD)."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(-3, 1 << 18)


@asynccontextmanager
async def serving(
    models: AllowedModels,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    token: str | None = None,
    allow_hosts: Sequence[str] = (),
    allow_origins: Sequence[str] = (),
    root_path: str = "",
    limits: ServerLimits = ServerLimits(),
) -> AsyncIterator[str]:
    """A server inside a running loop; gives its URL. At the end of the block open answers are finished."""
    access = access_middleware(host, token=token, allow_hosts=allow_hosts, allow_origins=allow_origins)
    async with Runtime(initial_concurrency=MAX_CALLS_AT_ONCE, shared=True):
        at_once = call_context.replace(max_concurrency=MAX_CALLS_AT_ONCE)
        with at_once, use_ledger(home_folder() / "ledger.db") as ledger, _listening(host, port) as listener:
            config = uvicorn.Config(
                Server(models, ledger).app(access, limits, token=token is not None),
                http=partial(HttpConnection, connections=Connections(limits)),  # type: ignore[arg-type]  # all that uvicorn does is call it
                ws="none",
                lifespan="off",
                log_config=None,
                root_path=root_path.rstrip("/"),
                timeout_keep_alive=math.ceil(limits.head_seconds),
                timeout_graceful_shutdown=math.ceil(limits.grace_seconds),
            )
            async with _running(uvicorn.Server(config), listener):
                yield f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}/v1"


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        reason = error.strerror or error
        raise BadInput(f"cannot listen on {host}, port {port} ({reason}); use another --port or --host") from None
    with listener:
        # What the system takes for a client that does not read is work that was done for nothing.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        yield listener


@asynccontextmanager
async def _running(server: uvicorn.Server, listener: socket.socket) -> AsyncIterator[None]:
    """The parts of `uvicorn.Server.serve`, without its signal handlers: signals are `serve`'s."""
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    async with anyio.create_task_group() as tasks:
        await server.startup(sockets=[listener])
        tasks.start_soon(server.main_loop)
        try:
            yield
        finally:
            with anyio.CancelScope(shield=True):
                await server.shutdown(sockets=[listener])
                if server.server_state.tasks:  # those that did not end in time, and were cancelled
                    await asyncio.wait(server.server_state.tasks)
            server.should_exit = True
            tasks.cancel_scope.cancel()


async def _signal_to_end() -> None:
    """Ctrl-C or SIGTERM. A second one ends the process at once, as the handlers are gone by then."""
    if os.name == "nt" or threading.current_thread() is not threading.main_thread():
        await anyio.sleep_forever()
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            return
