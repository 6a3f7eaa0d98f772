"""A real server on loopback, in a thread of its own, for as long as a `with` block lasts."""

from __future__ import annotations

import asyncio
import threading
from typing import Self

from aiohttp import web


class Loopback:
    """`start` makes the `runner` and brings it up."""

    runner: web.AppRunner

    async def start(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        started = threading.Event()
        self.loop = asyncio.new_event_loop()

        def serve() -> None:
            asyncio.set_event_loop(self.loop)
            self.loop.run_until_complete(self.start())
            started.set()
            self.loop.run_forever()

        self.thread = threading.Thread(target=serve, daemon=True)
        self.thread.start()
        assert started.wait(30)
        return self

    def __exit__(self, *error: object) -> None:
        asyncio.run_coroutine_threadsafe(self.runner.cleanup(), self.loop).result(30)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(30)
