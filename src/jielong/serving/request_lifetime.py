"""How long a request lives: its body comes within limits, and everything beneath is cancelled once its client leaves.

An ASGI server does not cancel the handler of a client that left, it only says so to whoever asks it for more input. So
one task listens while the handler works. The body is looked at when the handler asks for it, which is after the token
and the host were checked.
"""

from __future__ import annotations

from dataclasses import dataclass

import anyio
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .error_responses import refusal
from .json_structure import JsonStructure

GRACE_SECONDS = 2.0
SMALL_BODY = 65_536  # bytes that do not count as in flight: a crowd of large bodies does not refuse small ones


@dataclass(frozen=True)
class ServerLimits:
    """What one client may take of the server before it is refused or disconnected."""

    body_bytes: int = 8_000_000
    body_marks: int = 100_000  # quotes, commas and opening brackets outside texts
    body_depth: int = 100
    bytes_in_flight: int = 64_000_000  # of all bodies whose requests have not ended
    unread_bytes: int = 256_000_000  # of all replies that clients have not read
    connections: int = 4096
    head_bytes: int = 65_536
    head_seconds: float = 30.0  # until the head of a request is complete, also between two requests
    body_seconds: float = 30.0
    refusal_seconds: float = 0.05  # that a refusal waits, so that a crowd of bad requests costs its sender more than us
    write_seconds: float = 60.0  # in which a client must have read some more of what waits for it
    grace_seconds: float = GRACE_SECONDS  # for open answers when the server ends


class RequestLifetime:
    def __init__(self, app: ASGIApp, limits: ServerLimits) -> None:
        self.app, self.limits = app, limits
        self.bytes_in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = _Body(Headers(scope=scope), receive, self)
        answered = False

        async def send_on(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start" and 400 <= message["status"] < 500:
                await anyio.sleep(self.limits.refusal_seconds)
            answered = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        async def cancel_when_client_leaves() -> None:
            await body.complete.wait()
            while (await receive())["type"] != "http.disconnect":
                pass
            if not answered:  # servers say the same once an answer is complete
                tasks.cancel_scope.cancel()

        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(cancel_when_client_leaves)
                await self.app(scope, body.receive, send_on)
                tasks.cancel_scope.cancel()
        finally:
            self.bytes_in_flight -= body.counted


class _Body:
    """The input of a request, refused by 413, 415, 408 or 503 as soon as it breaks a limit."""

    def __init__(self, headers: Headers, receive: Receive, lifetime: RequestLifetime) -> None:
        self._headers, self._receive, self._lifetime, self._limits = headers, receive, lifetime, lifetime.limits
        self._size = self.counted = 0
        self._structure = JsonStructure()
        self._deadline: float | None = None
        self.complete = anyio.Event()

    async def receive(self) -> Message:
        if self._deadline is None:
            self._check_headers()
            self._deadline = anyio.current_time() + self._limits.body_seconds
        with anyio.CancelScope(deadline=self._deadline) as in_time:
            message = await self._receive()
        if in_time.cancelled_caught:
            problem = f"the body did not come within {self._limits.body_seconds:g} s"
            raise refusal(408, problem)
        self._take(message.get("body", b""))
        if not message.get("more_body", False):
            self.complete.set()
        return message

    def _take(self, piece: bytes) -> None:
        limits, structure = self._limits, self._structure
        self._size += len(piece)
        if self._size > limits.body_bytes:
            raise self._too_large()
        counted = max(0, self._size - SMALL_BODY)
        self._lifetime.bytes_in_flight += counted - self.counted
        self.counted = counted
        if counted and self._lifetime.bytes_in_flight > limits.bytes_in_flight:
            raise refusal(503, "too many large bodies at once; try again", {"Retry-After": "1"})
        structure.add(piece)
        if structure.marks > limits.body_marks:
            raise refusal(413, f"the body holds more than {limits.body_marks:,} values and keys")
        if structure.depth > limits.body_depth:
            raise refusal(400, f"the body is more than {limits.body_depth} levels deep")

    def _check_headers(self) -> None:
        content_type = self._headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if content_type != "application/json" or "Content-Encoding" in self._headers:
            raise refusal(415, "the body must be JSON: Content-Type: application/json, and not compressed")
        length = self._headers.get("Content-Length", "")
        if length.isdecimal() and int(length) > self._limits.body_bytes:
            raise self._too_large()

    def _too_large(self) -> Exception:
        return refusal(413, f"the body is larger than {self._limits.body_bytes:,} bytes")
