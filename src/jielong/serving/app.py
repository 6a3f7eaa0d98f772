"""The routes of the server, and what happens to a request before and after its model is asked.

In order: the trace, the life of the request, who may ask, the body, then the model. Each answer runs in a scope and a
ledger run of its own; a client that leaves cancels everything beneath.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from fastapi import FastAPI
from fastapi import Request as HttpRequest
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as AsgiScope

from .. import __version__, call_context
from ..contract import Embedder, Request
from ..runtime.ledger import ActiveRun, Ledger
from ..runtime.telemetry import spans
from ..scope import Scope, scope
from .allowed_models import AllowedModels
from .error_responses import ErrorResponse, ErrorResponses, framework_error_response
from .json_body import BodyRoute
from .n_choices import generate_choices
from .request_lifetime import RequestLifetime, ServerLimits
from .request_schema import MAX_NAME_LENGTH, ChatCompletionRequest, EmbeddingsRequest, request_of
from .response_schema import (
    ChatCompletion,
    EmbeddingList,
    ErrorBody,
    Health,
    Json,
    JsonResponse,
    ModelCard,
    ModelList,
    ServedReply,
    embedding_list,
)
from .streaming import EventStream, stream_answer

MAX_COPIES = 128_000_000  # bytes of the body, times all calls that it can lead to, each of which holds it
_EVENTS = {"type": "object", "properties": {"data": {"type": "string"}}, "required": ["data"]}
_STREAM: dict[int | str, Any] = {200: {"content": {"text/event-stream": {"schema": _EVENTS}}}}
_ERRORS: dict[int | str, Any] = {"4XX": {"model": ErrorBody}, "5XX": {"model": ErrorBody}}


class Server:
    """The handlers, one for each route, over the models that are offered."""

    def __init__(self, models: AllowedModels, ledger: Ledger) -> None:
        self.models, self.ledger = models, ledger
        self.embedders = [name for name in models.names() if isinstance(models.find(name), Embedder)]

    def app(self, access: Sequence[Middleware], limits: ServerLimits, *, token: bool) -> FastAPI:
        app = FastAPI(
            title="jielong",
            version=__version__,
            description="Models and techniques, as chat completions.",
            redoc_url=None,
            responses=_ERRORS,
            generate_unique_id_function=lambda route: route.name,
            exception_handlers=dict.fromkeys((HTTPException, RequestValidationError), framework_error_response),
            middleware=[
                Middleware(RequestLifetime, limits=limits),
                Middleware(RequestSpans),
                *access,
                Middleware(ErrorResponses),
            ],
            telemetry={"tracing": False, "metrics": False, "logs": False},  # the spans here are our own
        )
        app.router.route_class = BodyRoute
        post, get = ["POST"], ["GET"]
        chat, embeddings = "/v1/chat/completions", "/v1/embeddings"
        app.add_api_route(chat, self.chat, methods=post, response_model=ChatCompletion, responses=_STREAM)
        app.add_api_route(
            embeddings, self.embed, methods=post, response_model=EmbeddingList, include_in_schema=bool(self.embedders)
        )
        app.add_api_route("/v1/models", self.list_models, methods=get, response_model=ModelList)
        app.add_api_route("/v1/models/{model:path}", self.get_model, methods=get, response_model=ModelCard)
        no_token: Json | None = {"security": []} if token else None
        app.add_api_route("/health", self.health, methods=get, response_model=Health, openapi_extra=no_token)
        self._describe(app, token=token)
        return app

    def _describe(self, app: FastAPI, *, token: bool) -> None:
        """Adds to FastAPI's description what only this server knows: its models and its token."""
        description = app.openapi()
        schemas = description["components"]["schemas"]
        named = {"type": "string", "enum": self.models.names()}
        composed = {"type": "string", "maxLength": MAX_NAME_LENGTH, "description": "a recipe of allowed models"}
        chat = schemas["ChatCompletionRequest"]["properties"]
        chat["seed"]["anyOf"][0] |= {"minimum": -(2**63), "exclusiveMaximum": 2**63}  # FastAPI rounds them to floats
        chat["model"] = {"anyOf": [named, composed]} if self.models.allowed else named
        if self.embedders:
            schemas["EmbeddingsRequest"]["properties"]["model"] = {"type": "string", "enum": self.embedders}
        (parameter,) = description["paths"]["/v1/models/{model}"]["get"]["parameters"]
        parameter |= {"schema": {"type": "string", "minLength": 1}, "example": self.models.names()[0]}
        if token:
            description["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
            description["security"] = [{"token": []}]

    @contextmanager
    def _run(self, payload: ChatCompletionRequest, n: int) -> Iterator[tuple[Request, Scope]]:
        """The request of the contract, in a scope and a run of the ledger for this one answer."""
        run = ActiveRun(self.ledger, uuid.uuid4().hex[:12])
        with call_context.replace(active_run=run), scope("request", kind="request") as request_scope:
            request = request_of(payload)
            if observer := spans():
                observer.record_request(payload.model, request, choices=n, streamed=bool(payload.stream))
            yield request, request_scope

    async def chat(self, payload: ChatCompletionRequest, http: HttpRequest) -> Response:
        n = payload.n or 1
        model = self.models.find(payload.model, n)
        if (size := len(await http.body()) * n * model.max_calls()) > MAX_COPIES:
            problem = (
                f"up to {size:,} bytes in the calls for one request, at most {MAX_COPIES:,}: shorten it, or sample less"
            )
            raise ErrorResponse(413, problem, code="too_large")
        answer = ServedReply(payload.model)

        async def stream(out: EventStream) -> None:
            with self._run(payload, n) as (request, request_scope):
                with_usage = bool(payload.stream_options and payload.stream_options.include_usage)
                await stream_answer(out, model, request, n, answer, request_scope, with_usage)

        if payload.stream:
            return EventStream(stream)
        with self._run(payload, n) as (request, request_scope):
            replies = await generate_choices(model, request, n, None)
            if observer := spans():
                observer.record_response(answer.id, answer.model, replies)
        return Response(await answer.completion(replies, request_scope), media_type="application/json")

    async def embed(self, payload: EmbeddingsRequest) -> Response:
        model = self.models.find(payload.model)
        if not isinstance(model, Embedder):
            problem = f"{payload.model[:200]} gives no embeddings; none of the models that do is served under this name"
            raise ErrorResponse(404, problem, code="unsupported", param="model")
        texts = [payload.input] if isinstance(payload.input, str) else payload.input
        embeddings = await model.embed(texts)
        body = await embedding_list(payload.model, embeddings, payload.encoding_format == "base64")
        return Response(body, media_type="application/json")

    async def list_models(self) -> Response:
        return JsonResponse({"object": "list", "data": [_card(name) for name in self.models.names()]})

    async def get_model(self, model: str) -> Response:
        self.models.find(model)
        return JsonResponse(_card(model))

    async def health(self) -> Response:
        return JsonResponse({"status": "ok", "version": __version__})


class RequestSpans:
    """The span of a request, where telemetry is on."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        observer = spans()
        if observer is None:
            await self.app(scope, receive, send)
            return
        routes = scope["app"].routes
        route = next((route.path_format for route in routes if route.matches(scope)[0] is Match.FULL), None)
        with observer.served(scope["method"], route, Headers(scope=scope)) as set_status:

            async def send_on(message: Message) -> None:
                if message["type"] == "http.response.start":
                    set_status(message["status"])
                await send(message)

            await self.app(scope, receive, send_on)


def _card(name: str) -> ModelCard:
    return {"id": name, "object": "model", "created": 0, "owned_by": "jielong"}
