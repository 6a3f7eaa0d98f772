"""One HTTP/1.1 connection: uvicorn's protocol with limits for clients that send or read too slowly.

uvicorn times the pause between two requests only. Here the head of a request has a size and a time (a client may not
hold a connection by sending a header line now and then), and a client that does not read its answer is disconnected.
Malformed HTTP gets a 400 and is not logged: anybody can send it.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from .error_responses import refusal
from .request_lifetime import ServerLimits

LINGER_SECONDS = 1.0  # how long a refused client may go on sending, so that it can read the refusal
SLICE = 16_384  # bytes that are parsed at a time: a client may fill them with requests or pieces of a body
MAX_PIPELINED = 16  # requests that wait for an answer
FREE_PIECES, BYTES_A_PIECE = 100, 64  # a request may come in so many pieces, and in one more for each so many bytes
MIN_READ = 65_536  # bytes that a client must have read within the time for reading
_silent = logging.getLogger("jielong.serving.http")
_silent.disabled = True


class Connections:
    """All connections of a server: which of them wait for their client, and which have replies that are not read."""

    def __init__(self, limits: ServerLimits) -> None:
        self.limits = limits
        self.open, self.room = 0, min(limits.connections, _max_files() // 2)  # each may need one more to an endpoint
        self.waiting: dict[HttpConnection, None] = {}  # for a head or a body, those that wait longest first
        self.unread: dict[HttpConnection, None] = {}

    def admit(self) -> bool:
        """Makes room for one more by closing the one that has waited longest for its client. False: all have work."""
        if self.open < self.room:
            return True
        longest = next(iter(self.waiting), None)
        if longest is not None:
            longest.transport.abort()
            del self.waiting[longest]
        return longest is not None

    def bound_unread(self) -> None:
        unread = {each: each.transport.get_write_buffer_size() for each in self.unread}
        if sum(unread.values()) > self.limits.unread_bytes:
            max(unread, key=lambda each: unread[each]).transport.abort()


def _max_files() -> int:
    return os.sysconf("SC_OPEN_MAX") if hasattr(os, "sysconf") else 2048


class HttpConnection(HttpToolsProtocol):
    def __init__(self, connections: Connections, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.logger, self.access_log = _silent, False
        self.shared, self.limits = connections, connections.limits
        self._head_bytes = self._bytes = self._pieces = 0
        self._admitted = self._refused = False
        self._active: RequestResponseCycle | None = None  # the request that is being answered
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def _start_timer(self, name: str, seconds: float, action: Callable[[], object]) -> None:
        self._stop_timer(name)
        self._timers[name] = self.loop.call_later(seconds, action)

    def _stop_timer(self, name: str) -> None:
        if timer := self._timers.pop(name, None):
            timer.cancel()

    def _await_head(self) -> None:
        self._head_bytes = 0
        self.shared.waiting[self] = None
        self._start_timer("head", self.limits.head_seconds, self._close)

    def _close(self) -> None:
        """What was written is still sent, to a client that reads it."""
        self.transport.close()
        self._await_reader()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._admitted = self.shared.admit()
        self.shared.open += 1
        if self._admitted:
            self._await_head()
        else:
            self._refuse(503, "too many connections at once; try again", "Retry-After: 1\r\n")

    def connection_lost(self, exc: Exception | None) -> None:
        self.shared.open -= 1
        self.shared.waiting.pop(self, None)
        self.shared.unread.pop(self, None)
        for name in list(self._timers):
            self._stop_timer(name)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data), SLICE):
            if self._refused or self.transport.is_closing():
                return
            piece = data[start : start + SLICE]
            self._head_bytes += len(piece)
            self._bytes += len(piece)
            self._pieces += 1
            super().data_received(piece)
            self._check_amounts()

    def _check_amounts(self) -> None:
        """Also while an answer is on its way, and behind a body: heads and trailers can be sent at any time."""
        if self._head_bytes > self.limits.head_bytes:
            self.send_400_response(f"the head of the request is longer than {self.limits.head_bytes:,} bytes")
        elif len(self.pipeline) > MAX_PIPELINED:
            self.send_400_response(f"more than {MAX_PIPELINED} requests wait for an answer")
        elif self._pieces > FREE_PIECES + self._bytes // BYTES_A_PIECE:
            self.send_400_response(f"the request comes in pieces of less than {BYTES_A_PIECE} bytes")

    def on_headers_complete(self) -> None:
        self._stop_timer("head")
        self._head_bytes = 0
        super().on_headers_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._active = cycle
        super()._start_asgi_task(cycle, app)

    def on_body(self, body: bytes) -> None:
        self._head_bytes = 0
        self._pieces += 1
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._head_bytes = self._bytes = self._pieces = 0
        self.shared.waiting.pop(self, None)
        if self.cycle.response_complete:
            self._stop_timer("linger")
            self._await_head()

    def on_response_complete(self) -> None:
        pipelined = bool(self.pipeline)
        super().on_response_complete()
        if self.transport.is_closing():
            self._await_reader()
        elif pipelined:
            return
        elif self.cycle.more_body:  # answered before its body was read, as refusals are
            self._start_timer("linger", LINGER_SECONDS, self._close)
        else:
            self._await_head()

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, msg)

    def _refuse(self, status: int, message: str, headers: str = "") -> None:
        self._refused = True
        self.pipeline.clear()
        if self._active is None or self._active.response_complete:
            body = bytes(refusal(status, message).response().body)
            head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: application/json\r\n{headers}"
            length = f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            self.transport.write((head + length).encode() + body)
        else:
            self._active.disconnected = True  # nothing can be written any more
            self._active.message_event.set()
        # Closing with input unread would reset the connection, and the client would lose the answer.
        self.transport.write_eof()
        self._start_timer("linger", LINGER_SECONDS, self.transport.abort)

    def pause_writing(self) -> None:
        super().pause_writing()
        self.shared.unread[self] = None
        self.shared.bound_unread()
        self._await_reader()

    def resume_writing(self) -> None:
        self._stop_timer("write")
        self.shared.unread.pop(self, None)
        super().resume_writing()

    def _await_reader(self) -> None:
        """Disconnects a client that reads too little of what was written for it."""
        unread = self.transport.get_write_buffer_size()

        def check() -> None:
            if self.transport.get_write_buffer_size() > max(0, unread - MIN_READ):
                self.transport.abort()
            else:
                self._await_reader()

        if unread:
            self._start_timer("write", self.limits.write_seconds, check)
