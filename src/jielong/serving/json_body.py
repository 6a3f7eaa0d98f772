"""JSON as the server reads it: what is not JSON everywhere is refused, and a large body keeps nobody waiting.

pydantic's parser instead of Python's: it takes neither NaN nor half a surrogate pair nor an integer of thousands of
digits, each of which would fail somewhere beneath.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from pydantic_core import from_json

from ..runtime.long_texts import in_turn
from .error_responses import ErrorResponse

SECONDS_A_BYTE, SECONDS_A_QUOTE = 3e-9, 2e-6  # to receive a body, and to check what it holds
BYTES_A_QUOTE = 25  # that cost as much


class BodyRoute(APIRoute):
    """A route whose body is read by `JsonRequest`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            return await handler(JsonRequest(request.scope, request.receive))

        return handle


class JsonRequest(Request):
    _body: bytes

    async def body(self) -> bytes:
        """In one array, which grows without being copied: to join the pieces of 8 MB would keep others waiting."""
        if not hasattr(self, "_body"):
            body = bytearray()
            async for piece in self.stream():
                body += piece
            self._body = body  # type: ignore[assignment]  # whoever reads it takes either
        return self._body

    async def json(self) -> Any:
        """Raises ErrorResponse (400)."""
        body = await self.body()
        try:
            quotes = body.count(b'"')
            around = SECONDS_A_BYTE * len(body) + SECONDS_A_QUOTE * quotes
            size = max(len(body), BYTES_A_QUOTE * quotes)
            return await in_turn(size, partial(from_json, body, allow_inf_nan=False), more=around)
        except ValueError as error:
            raise ErrorResponse(400, f"the body is not JSON: {error}") from None
