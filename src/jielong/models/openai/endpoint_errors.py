"""What an endpoint's refusal means: try again, leave a setting out, lose this sample, or stop everything.

The words and codes are data in `dialects`; here is the order in which they are asked for.
"""

import re
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

from ...bounded_json import read_json
from ...errors import EndpointGaveUp, EndpointUnfit, MissingKey, Refused, RequestRefused, TooLong, Unsupported
from ...runtime.provider import AttemptFailed
from ...runtime.runtime import active_runtime
from ...scope import note
from . import dialects
from .endpoint_presets import EndpointTarget

Json = dict[str, Any]
LONGEST_WORDS = 10_000  # of an error: patterns look for what they mean
SYSTEM_ROLE = "system messages"  # what is learned of an endpoint whose template knows none


class EndpointMemory:
    """What this Runtime has learned of endpoints: the settings that each refuses, the URLs that have answered, and
    whether the text of a model begins with thoughts that its template has opened."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._refused: dict[tuple[str, str], frozenset[str]] = {}
        self.answered: set[str] = set()
        self.opens_thoughts: dict[tuple[str, str], bool] = {}

    def refused(self, target: EndpointTarget) -> frozenset[str]:
        return self._refused.get((target.urls[0], target.model), frozenset())

    def add_refused(self, target: EndpointTarget, name: str) -> None:
        with self._lock:
            self._refused[target.urls[0], target.model] = self.refused(target) | {name}


def without_refused_settings(body: Json, target: EndpointTarget, own_seed: bool) -> Json:
    """The body without what this endpoint is known to refuse; what was left out is said in the report."""
    refused = active_runtime().get(EndpointMemory).refused(target)
    if not refused:
        return body
    if SYSTEM_ROLE in refused and body["messages"][0]["role"] == "system":
        note(f"{target.spec} takes no system messages: they were put before the first question")
        body["messages"] = _folded(body["messages"])
    for name in refused & {*dialects.THOUGHT_FIELDS, *dialects.THOUGHT_LISTS}:
        body["messages"] = [{k: v for k, v in message.items() if k != name} for message in body["messages"]]
    for name in sorted(refused & body.keys()):
        if name == "seed" and own_seed:
            raise Unsupported(f"{target.spec} takes no seed; leave it out, or use a model that does")
        if name == "max_tokens":
            body["max_completion_tokens"] = body["max_tokens"]
        elif name not in ("stream", "stream_options", "tool_choice"):
            note(f"{target.spec} takes no {name}: it was left out")
        del body[name]
    return body


def _folded(messages: list[Json]) -> list[Json]:
    """The texts of the system messages at the beginning, before that of the first question."""
    count = next((n for n, message in enumerate(messages) if message["role"] != "system"), len(messages))
    words = "\n\n".join(str(message["content"]) for message in messages[:count])
    if count == len(messages) or messages[count]["role"] != "user":
        return [{"role": "user", "content": words}, *messages[count:]]
    first, *others = messages[count:]
    content = first["content"]
    joined = f"{words}\n\n{content}" if isinstance(content, str) else [{"type": "text", "text": words}, *content]
    return [{**first, "content": joined}, *others]


@dataclass(frozen=True)
class EndpointError:
    """A refusal: its HTTP status (or the one inside HTTP 200), words on one line, codes, the setting it names."""

    status: int
    words: str
    codes: frozenset[str]
    parameter: str | None

    @property
    def text(self) -> str:
        """The words and the codes, in lower case."""
        return f"{self.words} {' '.join(sorted(self.codes))}".lower()


def error_inside(payload: Any) -> bool:
    """Whether the JSON of an answer with status 200 is an error and no reply."""
    if not isinstance(payload, dict):
        return False
    choices = payload.get("choices")
    if choices:
        return isinstance(choices, list) and isinstance(choices[0], dict) and bool(choices[0].get("error"))
    return bool(payload.get("error")) or (choices is None and any(payload.get(name) for name in _WORDS))


def read_error(status: int, text: str) -> EndpointError:
    """The error in the body of an answer, in whatever form it comes."""
    try:
        payload: Any = read_json(text)
    except ValueError:
        payload = re.sub(r"<[^<>]{1,1000}>", " ", text)
    if isinstance(payload, dict) and isinstance(payload.get("choices"), list) and payload["choices"]:
        payload = payload["choices"][0]
    words = " ".join(" ".join(dict.fromkeys(_sentences(payload))).split()) or " ".join(text.split())
    objects = list(_objects(payload))
    codes = frozenset(
        str(one[key])[:100] for one in objects for key in _CODES
        if isinstance(one.get(key), str | int)
    )  # fmt: skip
    if status == 200:
        numbers = [int(code) for code in codes if re.fullmatch("[45][0-9][0-9]", code)]
        status = next(
            (dialects.BODY_CODES[code] for code in codes if code in dialects.BODY_CODES), max(numbers, default=200)
        )
    parameter = next((str(one["param"])[:100] for one in objects if one.get("param")), None)
    return EndpointError(status, words[:LONGEST_WORDS] or "(no words)", codes, parameter)


_WORDS = (
    "message", "msg", "error_msg", "error_message", "errorMessage", "status_msg", "detail", "error", "errors",
    "base_resp",
)  # fmt: skip
_CODES = ("code", "type", "status", "error_code", "errorCode", "status_code", "statusCode")


def _objects(payload: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(payload, list):
        for one in payload[:5]:
            yield from _objects(one)
    elif isinstance(payload, dict):
        yield payload
        for key in _WORDS:
            yield from _objects(payload.get(key))


def _sentences(payload: Any) -> Iterator[str]:
    """What the error says; the place in the request that it says it of, where it names one."""
    if isinstance(payload, str):
        yield payload
    elif isinstance(payload, list):
        for one in payload[:5]:
            yield from _sentences(one)
    elif isinstance(payload, dict):
        if isinstance(payload.get("loc"), list):
            yield ".".join(map(str, payload["loc"])) + ":"
        for key in _WORDS:
            yield from _sentences(payload.get(key))
        if isinstance(metadata := payload.get("metadata"), dict):
            yield from _sentences(metadata.get("raw"))  # OpenRouter: what the provider behind it said


def raise_for_error(
    status: int, headers: Mapping[str, str], text: str, body: Json, target: EndpointTarget, without_key: str = ""
) -> NoReturn:
    """Raises the error that an answer stands for. `without_key` says why no key was sent, where none was."""
    error = read_error(status, text)
    answered = f"answered {error.status}: " if error.status != 200 else "answered with an error: "
    message = f"{target.spec} {answered}{error.words[:300]}"
    _raise_for_account(error, message, target)
    _raise_for_request(error, message, body, target)
    if dialects.BLOCKED.search(error.text):
        raise Refused(message, lost=True)
    passing = dialects.PASSING_WORDS.search(error.text) or dialects.OF_THE_MOMENT.search(error.text)
    if error.status in dialects.RETRIED_STATUSES or passing:
        overloaded = error.status in (429, 503, 529)
        raise AttemptFailed(message, overloaded=overloaded, after=_retry_after(headers))
    bad_key = error.codes & dialects.BAD_KEY_CODES or dialects.BAD_KEY_WORDS.search(error.text)
    if error.status in (401, 403) or (error.status in (200, 400) and bad_key):
        raise MissingKey(f"{message}; {without_key or 'check the key in the environment'}")
    if error.status == 404:
        raise EndpointUnfit(f"{message}; check the name of the model and the URL {target.urls[0]}")
    raise (RequestRefused if error.status in (200, 400, 413, 422) else EndpointGaveUp)(message)


def _raise_for_account(error: EndpointError, message: str, target: EndpointTarget) -> None:
    """What holds for every call: no money, no such model."""
    spent = dialects.MONEY.search(error.text) and dialects.SPENT.search(error.text)
    says_so = (spent or dialects.NO_MONEY_WORDS.search(error.text)) and not dialects.OF_THE_MOMENT.search(error.text)
    may_say_so = error.status in (200, 400, 401, 403, 412, 429)
    if error.status == 402 or error.codes & dialects.NO_MONEY_CODES or (may_say_so and says_so):
        raise EndpointUnfit(f"{message} (the account has no money or no quota left)")
    if error.status < 500 and (error.codes & dialects.NO_MODEL_CODES or dialects.NO_MODEL_WORDS.search(error.text)):
        raise EndpointUnfit(f"{message}; check the name of the model and the URL {target.urls[0]}")


def _raise_for_request(error: EndpointError, message: str, body: Json, target: EndpointTarget) -> None:
    """What is wrong with this request: too long, or something in it that this endpoint does not take."""
    too_long = all(part.search(error.text) for part in (dialects.LONG_TEXT, dialects.TOO_MUCH, dialects.MEASURE))
    too_long = too_long and not dialects.OF_THE_MOMENT.search(error.text) and error.status not in (429, 503)
    too_long = too_long or dialects.NEVER_FITS.search(error.text) is not None
    if error.status == 413 or error.codes & dialects.OVERFLOW_CODES or too_long:
        raise (RequestRefused if dialects.TOO_MANY_ASKED.search(error.text) else TooLong)(message)
    refuses = bool(error.codes & dialects.NOT_TAKEN_CODES or dialects.NOT_TAKEN_WORDS.search(error.text))
    if error.status not in (200, 400, 403, 404, 422, 500, 501):
        return
    refuses_tools = refuses or dialects.NO_TOOLS_WORDS.search(error.text)
    if body.get("tools") and refuses_tools and dialects.TOOLS.search(error.text):
        raise Unsupported(f"{message}; it takes no tools")
    memory = active_runtime().get(EndpointMemory)
    if any(m["role"] == "system" for m in body.get("messages", ())) and dialects.NO_SYSTEM_WORDS.search(error.text):
        memory.add_refused(target, SYSTEM_ROLE)
        raise AttemptFailed(message, after=0.0)
    if (name := _setting_named(error, body)) and (refuses or _is_subject(name, error)):
        if _may_be_omitted(name, body):
            memory.add_refused(target, name)
            raise AttemptFailed(message, after=0.0)
        raise Unsupported(f"{message}; it takes no {name}")


def _is_subject(name: str, error: EndpointError) -> bool:
    """Whether the whole complaint is about this setting, in whatever words, and not about its value."""
    if name not in dialects.OMITTED_SETTINGS or dialects.WRONG_VALUE_WORDS.search(error.text):
        return False
    before, after = r"(?:parameter|argument|field|setting|custom)s?:? |参数 ?|['\"`]", r"\b| ?参数|:"
    subject = rf"(?:{before}){name}(?:{after})|^{name}:"
    return error.parameter == name or re.search(subject, error.text) is not None


def _may_be_omitted(name: str, body: Json) -> bool:
    automatic = name == "tool_choice" and body[name] == "auto"
    return name in dialects.OMITTED_SETTINGS or name not in body or automatic


def _setting_named(error: EndpointError, body: Json) -> str | None:
    """The setting that the endpoint complains about, if it was sent: the first, or of two the last."""
    if error.parameter in body.keys() - {"model", "messages", "tools"}:
        return error.parameter
    in_messages = {key for message in body.get("messages", ()) for key in message}
    thoughts = in_messages & {*dialects.THOUGHT_FIELDS, *dialects.THOUGHT_LISTS}
    named: list[tuple[int, str]] = []
    for name in (*(body.keys() - {"model", "messages", "tools", "top_logprobs"}), *thoughts):
        pattern = dialects.NAMES_OF_SETTINGS.get(name, re.escape(name))
        if found := re.search(rf"(?<![A-Za-z0-9_]){pattern}(?![A-Za-z0-9_])", error.words, re.I):
            named.append((found.start(), name))
    if not named:
        return None
    return (max if len(named) > 1 and dialects.ONE_OF_TWO.search(error.text) else min)(named)[1]


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
    except (ValueError, TypeError, LookupError, OverflowError):
        return None
