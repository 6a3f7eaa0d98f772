"""One connection pool for each event loop, closed when its loop ends."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from urllib.request import getproxies
from weakref import WeakKeyDictionary

import aiohttp

from ...errors import BadInput

CONNECT_SECONDS, READ_SECONDS = 10.0, 600.0

_pools: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[aiohttp.ClientSession, AsyncGenerator[None, None]]]
_pools = WeakKeyDictionary()


async def connection_pool() -> aiohttp.ClientSession:
    """The session of the running loop. JIELONG_TIMEOUT is the longest silence of an endpoint in seconds (600)."""
    loop = asyncio.get_running_loop()
    if loop in _pools and not _pools[loop][0].closed:
        return _pools[loop][0]
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=_read_seconds())
    # aiohttp looks for proxies in two hops to a thread for each call: only where there are any.
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30), timeout=timeout, trust_env=bool(getproxies())
    )
    until_the_end = _open(session)
    _pools[loop] = session, until_the_end
    await anext(until_the_end)
    return session


async def _open(session: aiohttp.ClientSession) -> AsyncGenerator[None, None]:
    """Event loops end their asynchronous generators when they end themselves, and with this one the session."""
    try:
        yield
    finally:
        await session.close()


def _read_seconds() -> float:
    said = os.environ.get("JIELONG_TIMEOUT")
    try:
        return float(said) if said else READ_SECONDS
    except ValueError:
        raise BadInput(f"JIELONG_TIMEOUT is {said!r}; expected seconds, e.g. 120") from None
