"""What an endpoint's refusal means: try again, leave a setting out, lose this sample, or stop everything."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

from ...errors import EndpointGaveUp, EndpointUnfit, MissingKey, Refused, RequestRefused, TooLong, Unsupported
from ...runtime.provider import AttemptFailed
from ...runtime.runtime import active_runtime
from ...scope import note
from .account_errors import cannot_pay
from .endpoint_presets import EndpointTarget

RETRIED_STATUSES = {408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529}
OMITTABLE_SETTINGS = ("temperature", "top_p", "seed", "max_tokens", "stream_options")
NEEDED_SETTINGS = ("stop", "response_format", "tools", "logprobs")  # without these the reply would be another one


class EndpointMemory:
    """What this Runtime has learned of endpoints: the settings that each refuses, and the URLs that have answered."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._refused: dict[tuple[str, str], frozenset[str]] = {}
        self.answered: set[str] = set()

    def refused(self, target: EndpointTarget) -> frozenset[str]:
        return self._refused.get((target.urls[0], target.model), frozenset())

    def add_refused(self, target: EndpointTarget, name: str) -> None:
        with self._lock:
            self._refused[target.urls[0], target.model] = self.refused(target) | {name}


def without_refused_settings(body: dict[str, Any], target: EndpointTarget, own_seed: bool) -> dict[str, Any]:
    """The body without what this endpoint is known to refuse; what was left out is said in the report."""
    refused = active_runtime().get(EndpointMemory).refused(target)
    for name in sorted(refused & body.keys()):
        if name == "seed" and own_seed:
            raise Unsupported(f"{target.spec} takes no seed; leave it out, or use a model that does")
        if name == "max_tokens":
            body["max_completion_tokens"] = body["max_tokens"]
        elif name != "stream_options":
            note(f"{target.spec} takes no {name}: it was left out")
        del body[name]
    return body


def raise_for_status(
    status: int, headers: Mapping[str, str], text: str, body: dict[str, Any], target: EndpointTarget
) -> NoReturn:
    """Raises the error that a status other than 200 stands for."""
    words, error = _error_object(text)
    message = f"{target.spec} answered {status}: {words}"
    code = str(error.get("code") or error.get("type") or "")
    if cannot_pay(status, code, words):
        raise EndpointUnfit(f"{message} (the account has no money or no quota left)")
    if status in RETRIED_STATUSES:
        raise AttemptFailed(message, overloaded=status in (429, 503, 529), after=_retry_after(headers))
    if status in (401, 403):
        raise MissingKey(f"{message}; check the key in the environment")
    if status == 404:
        raise EndpointUnfit(f"{message}; check the name of the model and the URL {target.urls[0]}")
    if "content_filter" in code or "content_policy" in code:
        raise Refused(message, lost=True)
    if status in (400, 422) and (name := _setting_named(words, error, OMITTABLE_SETTINGS, body)):
        active_runtime().get(EndpointMemory).add_refused(target, name)
        raise AttemptFailed(message, after=0.0)
    if status in (400, 422) and (name := _setting_named(words, error, NEEDED_SETTINGS, body)):
        raise Unsupported(f"{message}; it takes no {name}")
    if "context_length_exceeded" in code:
        raise TooLong(message)
    raise (RequestRefused if status in (400, 413, 422) else EndpointGaveUp)(message)


def _setting_named(words: str, error: Mapping[str, Any], names: tuple[str, ...], body: dict[str, Any]) -> str | None:
    """The setting that the endpoint complains about, if it was sent and the complaint is that it is not taken."""
    if error.get("param") in names and error["param"] in body:
        return str(error["param"])
    if not re.search(r"unsupported|not support|unknown|unrecognized|not allowed|unexpected|extra", words, re.I):
        return None
    return next((name for name in names if name in body and re.search(rf"\b{name}\b", words)), None)


def _error_object(text: str) -> tuple[str, Mapping[str, Any]]:
    """The endpoint's own words on one line, and its error object."""
    error: Any = {}
    try:
        parsed = json.loads(text)
        parsed = parsed[0] if isinstance(parsed, list) and parsed else parsed
        content = parsed.get("error", parsed) if isinstance(parsed, dict) else text
        error = content if isinstance(content, dict) else {"message": str(content)}
    except ValueError:
        error = {"message": re.sub(r"<[^>]+>", " ", text)}
    words = " ".join(str(error.get("message") or error.get("detail") or text).split())
    return words[:300] or "(no words)", error


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from a number of seconds or an HTTP date (RFC 9110, 10.2.3)."""
    value = headers.get("Retry-After", "").strip()
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None
