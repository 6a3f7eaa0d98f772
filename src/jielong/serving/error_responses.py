"""Errors in the protocol's form: a status and `{"error": {message, type, param, code}}`.

A model that cannot do what a request needs (read images, for example) is answered by 404, as OpenAI and OpenRouter do.
A status of 500 or more is the server's or an endpoint's fault. What failed after calls were made carries
`x-should-retry: false`: the calls beneath were retried already, and a technique costs many of them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from .. import errors
from ..registry import unknown_name
from .response_schema import JsonResponse

log = logging.getLogger("jielong.serving")

_INVALID, _SERVER = "invalid_request_error", "server_error"
_BY_ERROR: tuple[tuple[type[BaseException], int, str, str | None], ...] = (  # the first that fits
    (errors.MissingKey, 502, _SERVER, "endpoint_key"),
    (errors.EndpointUnfit, 502, _SERVER, "endpoint_unfit"),
    (errors.TooLong, 400, _INVALID, "context_length_exceeded"),
    (errors.RequestRefused, 400, _INVALID, "endpoint_refused"),
    (errors.EndpointGaveUp, 502, _SERVER, "endpoint_gave_up"),
    (errors.BudgetExceeded, 429, "insufficient_quota", "budget_spent"),
    (errors.Refused, 400, _INVALID, "content_filter"),
    (errors.Truncated, 422, _INVALID, "truncated"),
    (errors.NoAnswer, 422, _INVALID, "no_answer"),
    (errors.BadInput, 400, _INVALID, None),
    (errors.Unsupported, 404, _INVALID, "unsupported"),
    (errors.JielongError, 500, _SERVER, None),
)
_BY_STATUS = {
    401: ("authentication_error", "invalid_api_key"),
    403: ("permission_error", "cross_site"),
    404: (_INVALID, "unknown_url"),
    405: (_INVALID, "method_not_allowed"),
    408: (_INVALID, "too_slow"),
    413: (_INVALID, "too_large"),
    415: (_INVALID, "media_type"),
    421: (_INVALID, "foreign_host"),
    503: (_SERVER, "busy"),
}


class ErrorResponse(HTTPException):
    """A refusal by the server itself, or the response to an error from beneath."""

    def __init__(
        self,
        status: int,
        message: str,
        kind: str = _INVALID,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, message, headers)
        self.kind, self.code, self.param = kind, code, param

    def body(self) -> dict[str, Any]:
        return {"error": {"message": self.detail, "type": self.kind, "param": self.param, "code": self.code}}

    def response(self) -> JsonResponse:
        return JsonResponse(self.body(), self.status_code, self.headers)


class ErrorResponses:
    """Answers any exception that the routes and the framework leave unhandled."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except Exception as error:
            await error_response(error).response()(scope, receive, send)


async def framework_error_response(request: Request, error: Any) -> Response:
    """FastAPI's own errors (no such route, wrong method, invalid body) in the protocol's form."""
    if isinstance(error, RequestValidationError):
        known = request.scope["route"].body_field.field_info.annotation.model_fields
        return invalid_body_error(error, known).response()
    if isinstance(error, HTTPException) and not isinstance(error, ErrorResponse):
        headers = {name: value for name, value in (error.headers or {}).items() if name == "Allow"}
        problem = f"{request.method} {request.url.path[:200]}: {error.detail}"
        return refusal(error.status_code, problem, headers).response()
    return error_response(error).response()


def refusal(status: int, message: str, headers: Mapping[str, str] | None = None) -> ErrorResponse:
    kind, code = _BY_STATUS.get(status, (_INVALID, None))
    return ErrorResponse(status, message, kind, code, headers=headers)


def unknown_model(message: str) -> ErrorResponse:
    return ErrorResponse(404, message, _INVALID, "model_not_found", "model")


def error_response(error: Exception) -> ErrorResponse:
    """What a client learns of an error; the rest is in the operator's log."""
    if isinstance(error, ErrorResponse):
        return error
    if isinstance(error, errors.Overloaded):
        return refusal(503, str(error), {"Retry-After": "1"})
    for error_class, status, kind, code in _BY_ERROR:
        if isinstance(error, error_class):
            message = str(error)
            if status >= 500:
                log.error("%s: %s", type(error).__name__, message)
            if isinstance(error, errors.MissingKey):
                message = "the endpoint beneath takes no key of this server; its operator finds more in the log"
            headers = {} if error_class in (errors.BadInput, errors.Unsupported) else {"x-should-retry": "false"}
            return ErrorResponse(status, message, kind, code, headers=headers)
    log.error("a fault of the server", exc_info=error)
    return ErrorResponse(500, "a fault of the server; its operator finds more in the log", _SERVER, "fault")


def invalid_body_error(error: RequestValidationError, known: Iterable[str]) -> ErrorResponse:
    """The place that the client has to change, and why: of several complaints the one that goes deepest, as the others
    are about forms that the client did not mean. `known` are the settings that exist."""
    deepest = max(error.errors(), key=lambda e: len(e["loc"]))
    problem = deepest["msg"].removeprefix("Value error, ")
    if deepest["type"] == "json_invalid":
        return ErrorResponse(400, f"the body is not JSON: {deepest['ctx']['error']}")
    place = ".".join(_as_written(deepest["loc"][1:], error.body))
    if deepest["type"] == "extra_forbidden" and len(deepest["loc"]) == 2:
        return ErrorResponse(400, str(unknown_name("setting", place, known)), code="unknown_setting", param=place)
    if deepest["type"] == "extra_forbidden":
        problem = "not known here, and cannot be passed on; leave it out"
    if place.endswith("image_url.url"):
        problem = "expected the picture itself, as in data:image/png;base64,…; no URL is fetched"
    return ErrorResponse(400, f"{place}: {problem}" if place else problem, param=place or None)


def _as_written(location: tuple[Any, ...], payload: Any) -> Iterator[str]:
    """The place without the names of union branches, which pydantic puts in and the client never wrote."""
    for part in location:
        if (isinstance(payload, dict) and part in payload) or (isinstance(payload, list) and isinstance(part, int)):
            payload = payload[part]
        elif part is not location[-1] or not isinstance(payload, dict):
            continue
        yield str(part)
