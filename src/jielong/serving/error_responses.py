"""Errors as the protocol tells them: a status and `{"error": {message, type, param, code}}`.

A model that cannot do what is asked (read images, say) is told as 404, as OpenAI and OpenRouter do: there is no such
model. A status of 500 or more is the server's or an endpoint's matter. What failed after calls were made says
`x-should-retry: false`, as the calls beneath were retried already and a technique costs many of them.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from ..errors import (
    BadInput,
    BudgetExceeded,
    EndpointGaveUp,
    EndpointUnfit,
    JielongError,
    MissingKey,
    NoAnswer,
    Refused,
    RequestRefused,
    TooLong,
    Truncated,
    Unsupported,
)
from ..registry import unknown_name

log = logging.getLogger("jielong.serving")

_INVALID, _SERVER = "invalid_request_error", "server_error"
_KINDS: tuple[tuple[type[BaseException], int, str, str | None], ...] = (  # the first that fits
    (MissingKey, 502, _SERVER, "endpoint_key"),
    (EndpointUnfit, 502, _SERVER, "endpoint_unfit"),
    (TooLong, 400, _INVALID, "context_length_exceeded"),
    (RequestRefused, 400, _INVALID, "endpoint_refused"),
    (EndpointGaveUp, 502, _SERVER, "endpoint_gave_up"),
    (BudgetExceeded, 429, "insufficient_quota", "budget_spent"),
    (Refused, 400, _INVALID, "content_filter"),
    (Truncated, 422, _INVALID, "truncated"),
    (NoAnswer, 422, _INVALID, "no_answer"),
    (BadInput, 400, _INVALID, None),
    (Unsupported, 404, _INVALID, "unsupported"),
    (JielongError, 500, _SERVER, None),
)
_OF_STATUS = {
    401: ("authentication_error", "invalid_api_key"),
    403: ("permission_error", "cross_site"),
    404: (_INVALID, "unknown_url"),
    405: (_INVALID, "method_not_allowed"),
    408: (_INVALID, "too_slow"),
    413: (_INVALID, "too_large"),
    415: (_INVALID, "media_type"),
    421: (_INVALID, "foreign_host"),
}


@dataclass(eq=False)
class ErrorResponse(Exception):
    """What the server itself refuses; raised by its own checks."""

    status: int
    message: str
    type: str = _INVALID
    code: str | None = None
    param: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        return {"error": {"message": self.message, "type": self.type, "param": self.param, "code": self.code}}

    def response(self) -> web.Response:
        return web.json_response(self.body(), status=self.status, headers=self.headers)


def refusal(status: int, message: str, headers: dict[str, str] | None = None) -> ErrorResponse:
    kind, code = _OF_STATUS.get(status, (_INVALID, None))
    return ErrorResponse(status, message, kind, code, headers=headers or {})


def unknown_model(message: str) -> ErrorResponse:
    return ErrorResponse(404, message, _INVALID, "model_not_found", "model")


def error_response(error: Exception) -> ErrorResponse:
    """What a client is told of an error. What it is not told, the operator's log holds."""
    if isinstance(error, ErrorResponse):
        return error
    for kind, status, name, code in _KINDS:
        if isinstance(error, kind):
            message = str(error)
            if status >= 500:
                log.error("%s: %s", type(error).__name__, message)
            if isinstance(error, MissingKey):
                message = "the endpoint beneath takes no key of this server; its operator finds more in the log"
            retry = {} if kind in (BadInput, Unsupported) else {"x-should-retry": "false"}
            return ErrorResponse(status, message, name, code, headers=retry)
    log.error("a fault of the server", exc_info=error)
    return ErrorResponse(500, "a fault of the server; its operator finds more in the log", _SERVER, "fault")


def unreadable(error: ValidationError, body: bytes, known: Iterable[str]) -> ErrorResponse:
    """What is wrong, by the place where the client wrote it: of several complaints the one that goes deepest, as the
    others are about forms that the client did not mean."""
    first = max(
        error.errors(include_url=False, include_context=False, include_input=False), key=lambda e: len(e["loc"])
    )
    words = first["msg"].removeprefix("Value error, ")
    if first["type"] == "json_invalid":
        return ErrorResponse(400, f"the body is not JSON: {words.removeprefix('Invalid JSON: ')}")
    where = ".".join(_written(first["loc"], json.loads(body)))
    if first["type"] == "extra_forbidden" and len(first["loc"]) == 1:
        return ErrorResponse(400, str(unknown_name("setting", where, known)), code="unknown_setting", param=where)
    if first["type"] == "extra_forbidden":
        words = "not known here, and cannot be passed on; leave it out"
    if where.endswith("image_url.url"):
        words = "expected the picture itself, as in data:image/png;base64,…; no URL is fetched"
    return ErrorResponse(400, f"{where}: {words}" if where else words, param=where or None)


def _written(loc: tuple[Any, ...], said: Any) -> Iterator[str]:
    """The place without the names of union branches, which pydantic puts in and the client never wrote."""
    for part in loc:
        if (isinstance(said, dict) and part in said) or (isinstance(said, list) and isinstance(part, int)):
            said = said[part]
        elif part is not loc[-1] or not isinstance(said, dict):
            continue
        yield str(part)
