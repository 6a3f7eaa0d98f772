"""One HTTP/1.1 connection: uvicorn's protocol with limits for clients that send or read too slowly.

uvicorn times the pause between two requests only. Here the head of a request has a size and a time (a client may not
hold a connection by sending a header line now and then), and a client that does not read its answer is disconnected.
Malformed HTTP gets a 400 and is not logged: anybody can send it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .error_responses import refusal
from .request_lifetime import ServerLimits

LINGER_SECONDS = 1.0  # how long a refused client may go on sending, so that it can read the refusal
_silent = logging.getLogger("jielong.serving.http")
_silent.disabled = True


class HttpConnection(HttpToolsProtocol):
    def __init__(self, limits: ServerLimits, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.logger, self.access_log = _silent, False
        self.limits = limits
        self._head_bytes = 0
        self._refused = False
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def _start_timer(self, name: str, seconds: float, action: Callable[[], object]) -> None:
        self._stop_timer(name)
        self._timers[name] = self.loop.call_later(seconds, action)

    def _stop_timer(self, name: str) -> None:
        if timer := self._timers.pop(name, None):
            timer.cancel()

    def _await_head(self) -> None:
        self._head_bytes = 0
        self._start_timer("head", self.limits.head_seconds, self.transport.close)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        for name in list(self._timers):
            self._stop_timer(name)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        super().data_received(data)
        if "head" in self._timers:
            self._head_bytes += len(data)
            if self._head_bytes > self.limits.head_bytes:
                self.send_400_response(f"the head of the request is longer than {self.limits.head_bytes:,} bytes")

    def on_headers_complete(self) -> None:
        self._stop_timer("head")
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        if self.cycle.response_complete:
            self._stop_timer("linger")
            self._await_head()

    def on_response_complete(self) -> None:
        pipelined = bool(self.pipeline)
        super().on_response_complete()
        if self.transport.is_closing() or pipelined:
            return
        if self.cycle.more_body:  # answered before its body was read, as refusals are
            self._start_timer("linger", LINGER_SECONDS, self.transport.close)
        else:
            self._await_head()

    def send_400_response(self, msg: str) -> None:
        self._refused = True
        if self.cycle is None or self.cycle.response_complete:
            body = bytes(refusal(400, msg).response().body)
            head = f"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            self.transport.write(head.encode() + b"Connection: close\r\n\r\n" + body)
        # Closing with input unread would reset the connection, and the client would lose the answer.
        self.transport.write_eof()
        self._start_timer("linger", LINGER_SECONDS, self.transport.abort)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._start_timer("write", self.limits.write_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        self._stop_timer("write")
        super().resume_writing()
