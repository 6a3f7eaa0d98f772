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
            return await in_turn(len(body), partial(from_json, body, allow_inf_nan=False))
        except ValueError as error:
            raise ErrorResponse(400, f"the body is not JSON: {error}") from None
