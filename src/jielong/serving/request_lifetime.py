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


@dataclass(frozen=True)
class ServerLimits:
    """What one client may take of the server before it is refused or disconnected."""

    body_bytes: int = 20_000_000
    head_bytes: int = 65_536
    head_seconds: float = 30.0  # until the head of a request is complete, also between two requests
    body_seconds: float = 30.0
    write_seconds: float = 60.0  # how long a client may leave a full send buffer unread
    grace_seconds: float = 60.0  # for open answers when the server ends


class RequestLifetime:
    def __init__(self, app: ASGIApp, limits: ServerLimits) -> None:
        self.app, self.limits = app, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = _Body(Headers(scope=scope), receive, self.limits)
        answered = False

        async def send_on(message: Message) -> None:
            nonlocal answered
            answered = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        async def cancel_when_client_leaves() -> None:
            await body.complete.wait()
            while (await receive())["type"] != "http.disconnect":
                pass
            if not answered:  # servers say the same once an answer is complete
                tasks.cancel_scope.cancel()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(cancel_when_client_leaves)
            await self.app(scope, body.receive, send_on)
            tasks.cancel_scope.cancel()


class _Body:
    """The input of a request, refused by 413, 415 or 408 as soon as it breaks a limit."""

    def __init__(self, headers: Headers, receive: Receive, limits: ServerLimits) -> None:
        self._headers, self._receive, self._limits = headers, receive, limits
        self._size = 0
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
            raise refusal(408, problem, {"Connection": "close"})
        self._size += len(message.get("body", b""))
        if self._size > self._limits.body_bytes:
            raise self._too_large()
        if not message.get("more_body", False):
            self.complete.set()
        return message

    def _check_headers(self) -> None:
        content_type = self._headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if content_type != "application/json" or "Content-Encoding" in self._headers:
            raise refusal(415, "the body must be JSON: Content-Type: application/json, and not compressed")
        length = self._headers.get("Content-Length", "")
        if length.isdecimal() and int(length) > self._limits.body_bytes:
            raise self._too_large()

    def _too_large(self) -> Exception:
        return refusal(413, f"the body is larger than {self._limits.body_bytes:,} bytes")
