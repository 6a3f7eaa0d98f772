"""JSON as the server reads it: what is not JSON everywhere is refused, and a large body keeps nobody waiting.

pydantic's parser instead of Python's: it takes neither NaN nor half a surrogate pair nor an integer of thousands of
digits, each of which would fail somewhere beneath.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import anyio.to_thread
from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from pydantic_core import from_json

from .error_responses import ErrorResponse

LARGE = 500_000  # bytes; to parse them takes as long as to hand them to a thread and back


class BodyRoute(APIRoute):
    """A route whose body is read by `JsonRequest`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            return await handler(JsonRequest(request.scope, request.receive))

        return handle


class JsonRequest(Request):
    async def json(self) -> Any:
        """Raises ErrorResponse (400)."""
        body = await self.body()
        try:
            if len(body) < LARGE:
                return _parse(body)
            return await anyio.to_thread.run_sync(_parse, body, limiter=_one_at_a_time(self.app))
        except ValueError as error:
            raise ErrorResponse(400, f"the body is not JSON: {error}") from None


def _parse(body: bytes) -> Any:
    return from_json(body, allow_inf_nan=False)


def _one_at_a_time(app: Any) -> anyio.CapacityLimiter:
    """Parsing holds the interpreter's lock; between two bodies others have their turn."""
    if not hasattr(app.state, "large_bodies"):
        app.state.large_bodies = anyio.CapacityLimiter(1)
    limiter: anyio.CapacityLimiter = app.state.large_bodies
    return limiter
