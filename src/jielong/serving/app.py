"""The routes of the server, and what happens to a request before and after its model is asked.

In order: guards, then the size and the time of the body, then what it asks, then the model. Each answer runs in a scope
and a ledger run of its own; a client that leaves cancels everything beneath.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import anyio
from aiohttp import web
from pydantic import BaseModel, ValidationError

from .. import context
from ..contract import Embedder
from ..runtime.ledger import ActiveRun, Ledger
from ..runtime.telemetry import spans
from ..scope import scope
from .allowed_models import AllowedModels
from .auth import AccessGuard
from .error_responses import ErrorResponse, error_response, refusal, unreadable
from .n_choices import generate_choices
from .openapi import description
from .request_schema import ChatCompletionRequest, EmbeddingsRequest, request_of
from .response_schema import ServedReply, embeddings
from .streaming import stream

A = TypeVar("A", bound=BaseModel)
Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class ServerLimits:
    """What a client may take of the server before its model is asked."""

    body_bytes: int = 20_000_000
    head_seconds: float = 30.0  # until the head of a request is complete, also between two requests
    body_seconds: float = 30.0
    grace_seconds: float = 60.0  # for open answers when the server ends


class Server:
    def __init__(self, offer: AllowedModels, guard: AccessGuard, ledger: Ledger, limits: ServerLimits) -> None:
        self.offer, self.guard, self.ledger, self.limits = offer, guard, ledger, limits
        names = offer.names()
        embedding = [name for name in names if isinstance(offer.find(name), Embedder)]
        self.description = description(names, embedding, composing=bool(offer.allowed), token=guard.has_token)

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self.around], client_max_size=self.limits.body_bytes)
        app.router.add_post("/v1/chat/completions", self.chat)
        app.router.add_post("/v1/embeddings", self.embed)
        app.router.add_get("/v1/models", self.models, allow_head=False)
        app.router.add_get("/v1/models/{model:.+}", self.model, allow_head=False)
        app.router.add_get("/openapi.json", self.openapi, allow_head=False)
        return app

    @web.middleware
    async def around(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        seen = spans()
        if seen is None:
            return await self._guarded(request, handler)
        resource = request.match_info.route.resource
        with seen.served(request.method, resource.canonical if resource else None, request.headers) as status:
            response = await self._guarded(request, handler)
            status(response.status)
            return response

    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Guards before, errors after: every refusal has the protocol's form."""
        try:
            self.guard.check(request.headers)
            return await handler(request)
        except web.HTTPException as error:
            allow = {name: error.headers[name] for name in ("Allow",) if name in error.headers}
            return refusal(error.status, f"{request.method} {request.path[:200]}: {error.reason}", allow).response()
        except ConnectionError:
            raise
        except Exception as error:
            return error_response(error).response()

    async def chat(self, http: web.Request) -> web.StreamResponse:
        asked = await self._read(http, ChatCompletionRequest)
        model, n = self.offer.find(asked.model), asked.n or 1
        answer = ServedReply(asked.model)
        with context.replace(active_run=ActiveRun(self.ledger, uuid.uuid4().hex[:12])):
            with scope("request", kind="request") as here:
                request = request_of(asked)
                if seen := spans():
                    seen.asked(asked.model, request, choices=n, streamed=bool(asked.stream))
                if asked.stream:
                    with_usage = bool(asked.stream_options and asked.stream_options.include_usage)
                    return await stream(http, model, request, n, answer, here, with_usage)
                replies = await generate_choices(model, request, n, None)
                if seen:
                    seen.told(answer.id, asked.model, replies)
        return web.json_response(answer.whole(replies, here))

    async def embed(self, http: web.Request) -> web.StreamResponse:
        asked = await self._read(http, EmbeddingsRequest)
        model = self.offer.find(asked.model)
        if not isinstance(model, Embedder):
            words = f"{asked.model[:200]} gives no embeddings; none of the models that do is served under this name"
            raise ErrorResponse(404, words, code="unsupported", param="model")
        texts = [asked.input] if isinstance(asked.input, str) else asked.input
        return web.json_response(embeddings(asked.model, await model.embed(texts), asked.encoding_format == "base64"))

    async def models(self, http: web.Request) -> web.StreamResponse:
        return web.json_response({"object": "list", "data": [_card(name) for name in self.offer.names()]})

    async def model(self, http: web.Request) -> web.StreamResponse:
        name = http.match_info["model"]
        self.offer.find(name)
        return web.json_response(_card(name))

    async def openapi(self, http: web.Request) -> web.StreamResponse:
        return web.json_response(self.description)

    async def _read(self, http: web.Request, kind: type[A]) -> A:
        if http.content_type != "application/json" or "Content-Encoding" in http.headers:
            raise refusal(415, "the body must be JSON: Content-Type: application/json, and not compressed")
        if (http.content_length or 0) > self.limits.body_bytes:
            raise web.HTTPRequestEntityTooLarge(self.limits.body_bytes, http.content_length or 0)
        body = b""
        with anyio.move_on_after(self.limits.body_seconds) as in_time:
            body = await http.read()
        if in_time.cancelled_caught:
            raise refusal(408, f"the body did not come within {self.limits.body_seconds:g} s", {"Connection": "close"})
        try:
            return kind.model_validate_json(body)
        except ValidationError as error:
            raise unreadable(error, body, kind.model_fields) from None


def _card(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "jielong"}
