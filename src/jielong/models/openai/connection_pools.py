"""One connection pool for each event loop of a Runtime, closed when its loop or the Runtime ends."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass
from weakref import WeakKeyDictionary

import aiohttp

from ...errors import BadInput
from ...runtime.keys import is_loopback
from ...runtime.runtime import active_runtime

CONNECT_SECONDS, READ_SECONDS = 10.0, 600.0
SILENCES = 12  # that the longest reply may take in all: an endpoint that sends a byte a minute comes to an end, too


async def connection_pool() -> aiohttp.ClientSession:
    """The session of the running loop. JIELONG_TIMEOUT is the longest silence of an endpoint in seconds (600)."""
    return await active_runtime().get(ConnectionPools).of(asyncio.get_running_loop())


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for this URL; none for this machine, where a key may go unencrypted."""
    proxies = getproxies()
    if not proxies or is_loopback(url) or proxy_bypass(urlsplit(url).hostname or ""):
        return None
    return proxies.get(urlsplit(url).scheme) or proxies.get("all")


class ConnectionPools:
    def __init__(self) -> None:
        self._pools: WeakKeyDictionary[
            asyncio.AbstractEventLoop, tuple[aiohttp.ClientSession, AsyncGenerator[None, None]]
        ] = WeakKeyDictionary()

    async def of(self, loop: asyncio.AbstractEventLoop) -> aiohttp.ClientSession:
        if loop in self._pools and not self._pools[loop][0].closed:
            return self._pools[loop][0]
        longest = SILENCES * _read_seconds()
        timeout = aiohttp.ClientTimeout(total=longest, sock_connect=CONNECT_SECONDS, sock_read=_read_seconds())
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=30)
        session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=timeout)
        until_the_end = _close_at_the_end(session)
        self._pools[loop] = session, until_the_end
        await anext(until_the_end)
        return session

    async def close(self) -> None:
        """Closes the pool of the running loop at once; those of other loops are closed there."""
        for loop, (session, _) in list(self._pools.items()):
            if loop is asyncio.get_running_loop():
                await session.close()
            elif loop.is_running():
                asyncio.run_coroutine_threadsafe(session.close(), loop)
        self._pools.clear()


async def _close_at_the_end(session: aiohttp.ClientSession) -> AsyncGenerator[None, None]:
    """Event loops end their asynchronous generators when they end themselves, and with this one the session."""
    try:
        yield
    finally:
        await session.close()


def _read_seconds() -> float:
    setting = os.environ.get("JIELONG_TIMEOUT")
    try:
        return float(setting) if setting else READ_SECONDS
    except ValueError:
        raise BadInput(f"JIELONG_TIMEOUT is {setting!r}; expected seconds, e.g. 120") from None
