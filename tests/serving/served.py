"""A server in a thread of its own, on a real port: `with Served("mini") as served: served.client()`."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import openai

from jielong.contract import Model
from jielong.serving.allowed_models import AllowedModels
from jielong.serving.request_lifetime import ServerLimits
from jielong.serving.serve import serving


@cache
def _connections() -> Any:
    """One pool for all tests, as making one takes longer than most tests."""
    return openai.DefaultHttpxClient(verify=False, trust_env=False)


class Served:
    def __init__(
        self,
        *models: str | Model,
        allow: Sequence[str] = (),
        token: str | None = None,
        host: str = "127.0.0.1",
        limits: ServerLimits = ServerLimits(),
        allow_hosts: Sequence[str] = (),
        allow_origins: Sequence[str] = (),
        root_path: str = "",
    ) -> None:
        self.offer, self.token = AllowedModels(models, allow), token
        self.serving = serving(
            self.offer, host=host, token=token, limits=limits,
            allow_hosts=allow_hosts, allow_origins=allow_origins, root_path=root_path,
        )  # fmt: skip
        self._started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        async with self.serving as self.url:
            self._started.set()
            await self._end.wait()

    def __enter__(self) -> Served:
        self._thread.start()
        assert self._started.wait(30)
        self.port = int(self.url.rpartition(":")[2].removesuffix("/v1"))
        return self

    def __exit__(self, *error: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(30)
        assert not self._thread.is_alive(), "the server did not end"

    def client(self) -> openai.OpenAI:
        return openai.OpenAI(base_url=self.url, api_key=self.token or "none", max_retries=0, http_client=_connections())

    def raw(self, *parts: bytes) -> bytes:
        """What the server answers to these bytes until it closes the connection, or keeps quiet for a moment."""
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.settimeout(20)
            for part in parts:
                connection.sendall(part)
            said = b""
            while piece := connection.recv(65536):
                said += piece
            return said


def until(holds: Callable[[], bool], seconds: float = 30.0) -> float:
    """How long it takes until this holds."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, "it never came to hold"
        time.sleep(0.002)
    return time.monotonic() - began
