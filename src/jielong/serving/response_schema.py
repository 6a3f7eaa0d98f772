"""What clients get: replies as the JSON of the protocol, complete and in chunks, and what they cost.

The TypedDicts are what is sent and, through FastAPI, what is described. `usage` is everything spent beneath a reply.
The extension field `jielong` breaks it down by technique: names only, as the options of an operator's recipe may hold
paths and texts that are nobody's business.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import math
import secrets
import struct
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any, Literal, NotRequired, TypeAlias, cast

from pydantic import ConfigDict, Field, with_config
from starlette.responses import JSONResponse
from typing_extensions import TypedDict

from ..contract import Embeddings, Reply, Step, Thinking, TokenLogprob, ToolCall, Usage
from ..events import Delta
from ..runtime.long_texts import in_turn, message_length
from ..runtime.telemetry.semantic_conventions import FINISHES, bare
from ..scope import Scope
from .annotations import Annotation, source_annotations

Json: TypeAlias = dict[str, Any]
Count: TypeAlias = Annotated[int, Field(ge=0)]
TOKENS_AT_ONCE, VECTORS_AT_ONCE = 100, 8  # that are encoded before others have their turn
_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


@with_config(ConfigDict(extra="forbid"))
class _Exactly(TypedDict):
    """No further keys."""


class ToolCallBody(_Exactly):
    id: str
    type: Literal["function"]
    function: dict[Literal["name", "arguments"], str]
    extra_content: NotRequired[dict[Literal["signature"], str]]  # an endpoint's own, which wants it back


class ReplyMessage(_Exactly):
    role: Literal["assistant"]
    content: str | None
    refusal: str | None
    reasoning_content: NotRequired[str]
    reasoning_details: NotRequired[list[dict[str, str | None]]]  # thoughts in the form that their endpoint wants back
    tool_calls: NotRequired[list[ToolCallBody]]
    annotations: NotRequired[list[Annotation]]  # what it cites


class TopLogprob(_Exactly):
    token: str
    logprob: float
    bytes: list[Count]


class TokenLogprobBody(TopLogprob):
    top_logprobs: list[TopLogprob]


class Logprobs(_Exactly):
    content: list[TokenLogprobBody]
    refusal: None


class CompletionChoice(_Exactly):
    index: Count
    message: ReplyMessage
    logprobs: Logprobs | None
    finish_reason: Literal["stop", "length", "tool_calls", "content_filter"]


class CompletionUsage(_Exactly):
    prompt_tokens: Count
    completion_tokens: Count
    total_tokens: Count
    prompt_tokens_details: dict[Literal["cached_tokens"], Count]
    completion_tokens_details: dict[Literal["reasoning_tokens"], Count]


class Spent(_Exactly):
    calls: Count
    retries: Count
    cached_calls: Count
    unsettled_calls: Count
    input_tokens: Count
    output_tokens: Count
    usd: float | None


class StepAccount(Spent):
    name: str
    times: Count
    steps: list[StepAccount]


class Account(Spent):
    """What was spent, and by which technique. `notes` says what was filled in or left out."""

    steps: list[StepAccount]
    notes: list[str]


class ChatCompletion(_Exactly):
    id: str
    object: Literal["chat.completion"]
    created: Count
    model: str
    choices: list[CompletionChoice]
    usage: CompletionUsage | None  # null: the endpoint beneath does not say
    jielong: Account


class ModelCard(_Exactly):
    id: str
    object: Literal["model"]
    created: Count
    owned_by: str


class ModelList(_Exactly):
    object: Literal["list"]
    data: list[ModelCard]


class Embedding(_Exactly):
    object: Literal["embedding"]
    index: Count
    embedding: list[float] | str


class EmbeddingList(_Exactly):
    object: Literal["list"]
    data: list[Embedding]
    model: str
    usage: dict[Literal["prompt_tokens", "total_tokens"], Count]


class Health(_Exactly):
    status: Literal["ok"]
    version: str


class ErrorBody(_Exactly):
    error: dict[Literal["message", "type", "param", "code"], str | None]


class JsonResponse(JSONResponse):
    """Compact JSON; text that is no valid Unicode (a lone surrogate of a model) does not break it."""

    def render(self, content: Any) -> bytes:
        return encode_json(content)


@dataclass(frozen=True, slots=True)
class ServedReply:
    """The head that all parts of one answer share. `model` is what the client called it."""

    model: str
    id: str = field(default_factory=lambda: f"chatcmpl-{secrets.token_hex(12)}")
    created: int = field(default_factory=lambda: int(time.time()))

    async def completion(self, replies: Sequence[Reply], scope: Scope) -> bytes:
        """A `ChatCompletion`."""
        choices, encoder = list[bytes](), _LogprobEncoder()
        for i, reply in enumerate(replies):
            text = await in_turn(message_length(reply.message), partial(_encode_message, reply))
            logprobs = b"null" if reply.logprobs is None else await encoder.whole(reply.logprobs)
            choice = b'{"index":%d,"message":%b,"logprobs":%b,"finish_reason":"%b"}'
            choices.append(choice % (i, text, logprobs, FINISHES[reply.finish].encode()))
        head = {"id": self.id, "object": "chat.completion", "created": self.created, "model": self.model}
        end = {"usage": usage(scope.usage), "jielong": account(scope)}
        return b'%b,"choices":[%b],%b' % (encode_json(head)[:-1], b",".join(choices), encode_json(end)[1:])

    def chunk(self, choices: list[Json], more: Json | None = None) -> bytes:
        head = {"id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model}
        return event({**head, "choices": choices, **(more or {})})


class StreamedChoice:
    """One choice of a stream, as it arrives. The frame of a chunk is encoded once, as there are many chunks."""

    def __init__(self, answer: ServedReply, index: int) -> None:
        self.answer, self.index, self.has_content, self.begun = answer, index, False, False
        frame = answer.chunk([{"index": index, "delta": {"?": "?"}, "logprobs": None, "finish_reason": None}])
        self._before, self._after = frame.split(b'"?":"?"')

    def chunk(self, delta: Delta) -> bytes:
        key = b'"reasoning_content":' if delta.thinking else b'"content":'
        self.has_content = self.has_content or not delta.thinking
        chunk = self._before + key + encode_json(delta.text) + self._after
        return chunk if self.begun else self.begin() + chunk

    def begin(self) -> bytes:
        self.begun = True
        return self._chunk({"role": "assistant", "content": ""})

    def end(self, reply: Reply, more: Json | None) -> Iterator[bytes]:
        """What is known at the end only: log-probabilities, tool calls, a refusal, and why it ended."""
        if not self.begun:
            yield self.begin()
        if reply.logprobs is not None:
            before, after = self._chunk({"content": ""}, "?").split(b'"logprobs":"?"')
            for part in _LogprobEncoder().parts(reply.logprobs):
                yield b'%b"logprobs":{"content":[%b],"refusal":null}%b' % (before, part, after)
        if reply.message.tool_calls:
            if details := reasoning_details(reply):
                yield self._chunk({"reasoning_details": details})
            yield self._chunk({"tool_calls": [{"index": i, **call} for i, call in enumerate(tool_calls(reply))]})
        if not self.has_content and reply.text:
            yield self._chunk({"refusal" if reply.finish == "refused" else "content": reply.text})
        if reply.sources:
            yield self._chunk({"annotations": source_annotations(reply)})
        last = {"index": self.index, "delta": {}, "logprobs": None, "finish_reason": FINISHES[reply.finish]}
        yield self.answer.chunk([last], more)

    def _chunk(self, delta: Json, reply_logprobs: str | None = None) -> bytes:
        choice = {"index": self.index, "delta": delta, "logprobs": reply_logprobs, "finish_reason": None}
        return self.answer.chunk([choice])


def event(payload: Json) -> bytes:
    return b"data: " + encode_json(payload) + b"\n\n"


def comment(payload: Json) -> bytes:
    """A line that clients of event streams ignore: the side channel."""
    return b": " + encode_json(payload) + b"\n\n"


def encode_json(payload: Any) -> bytes:
    return _encoder.encode(payload).encode(errors="replace")


def _encode_message(reply: Reply) -> bytes:
    return encode_json(message(reply))


def message(reply: Reply) -> ReplyMessage:
    refused = reply.finish == "refused"
    calls = tool_calls(reply)
    body: ReplyMessage = {
        "role": "assistant",
        "content": None if refused or (calls and not reply.text) else reply.text,
        "refusal": reply.text if refused else None,
    }
    parts = _thoughts(reply)
    if details := reasoning_details(reply):
        body["reasoning_details"] = details
    if thoughts := "".join(part.text for part in parts):
        body["reasoning_content"] = thoughts
    if calls:
        body["tool_calls"] = calls
    if reply.sources:
        body["annotations"] = source_annotations(reply)
    return body


def reasoning_details(reply: Reply) -> list[dict[str, str | None]]:
    """Thoughts that `reasoning_content` alone does not hold in full: whoever sends them back sends these."""
    parts = _thoughts(reply) if reply.message.tool_calls else []
    return [{"text": part.text, "signature": part.signature, "form": part.form} for part in parts if part.form]


def _thoughts(reply: Reply) -> list[Thinking]:
    content = reply.message.content
    return [] if isinstance(content, str) else [part for part in content if isinstance(part, Thinking)]


def tool_calls(reply: Reply) -> list[ToolCallBody]:
    return [_tool_call(call) for call in reply.message.tool_calls]


def _tool_call(call: ToolCall) -> ToolCallBody:
    body: ToolCallBody = {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }
    return body if call.signature is None else {**body, "extra_content": {"signature": call.signature}}


async def encode_list(values: Iterable[Any], at_once: int) -> bytes:
    """A list, so many values at a time: there may be millions of numbers, and between them others have their turn."""
    pieces = []
    for i, value in enumerate(values, 1):
        pieces.append(encode_json(value))
        if i % at_once == 0:
            await asyncio.sleep(0)
    return b"[%b]" % b",".join(pieces)


class _LogprobEncoder:
    """`Logprobs`. What does not change with the number is encoded once for each text: there are few texts."""

    def __init__(self) -> None:
        self._frames: dict[str, tuple[str, str]] = {}

    async def whole(self, logprobs: Sequence[TokenLogprob]) -> bytes:
        parts = list[bytes]()
        for part in self.parts(logprobs):
            if parts:
                await asyncio.sleep(0)
            parts.append(part)
        return b'{"content":[%b],"refusal":null}' % b",".join(parts)

    def parts(self, logprobs: Sequence[TokenLogprob]) -> Iterator[bytes]:
        """The entries of so many tokens at a time; at least one part."""
        for start in range(0, max(1, len(logprobs)), TOKENS_AT_ONCE):
            yield ",".join(map(self._entry, logprobs[start : start + TOKENS_AT_ONCE])).encode()

    def _entry(self, token: TokenLogprob) -> str:
        top = ",".join([f"{self._scored(text, logprob)}}}" for text, logprob in token.top])
        return f'{self._scored(token.token, token.logprob)},"top_logprobs":[{top}]}}'

    def _scored(self, text: str, logprob: float) -> str:
        """A `TopLogprob` without its end."""
        if (frame := self._frames.get(text)) is None:
            utf8 = text.encode(errors="replace")
            before, after = (
                f'{{"token":{_encoder.encode(utf8.decode())},"logprob":',
                f',"bytes":{_encoder.encode([*utf8])}',
            )
            frame = self._frames[text] = before, after
        number = repr(logprob) if math.isfinite(logprob) else _encoder.encode(logprob)
        return f"{frame[0]}{number}{frame[1]}"


def usage(total: Usage) -> CompletionUsage | None:
    if total.unsettled_calls and not total.input_tokens:
        return None
    return {
        "prompt_tokens": total.input_tokens,
        "completion_tokens": total.output_tokens,
        "total_tokens": total.input_tokens + total.output_tokens,
        "prompt_tokens_details": {"cached_tokens": total.prompt_cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": total.reasoning_tokens},
    }


async def embedding_list(model: str, embeddings: Embeddings, as_base64: bool) -> bytes:
    """An `EmbeddingList`."""

    def embedding(i: int, vector: Sequence[float]) -> Embedding:
        packed = base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode() if as_base64 else list(vector)
        return {"object": "embedding", "index": i, "embedding": packed}

    data = await encode_list(itertools.starmap(embedding, enumerate(embeddings.vectors)), VECTORS_AT_ONCE)
    tokens = embeddings.usage.input_tokens
    end = {"model": model, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}
    return b'{"object":"list","data":%b,%b' % (data, encode_json(end)[1:])


def progress(scope: Scope, max_calls: int, seconds: float) -> Json:
    counts = {"calls": scope.usage.calls, "begun": scope.calls_begun, "max_calls": max_calls}
    return {"jielong": {**counts, "output_tokens": scope.usage.output_tokens, "seconds": round(seconds, 3)}}


def account(scope: Scope) -> Account:
    return {**_spent(scope.usage), "steps": _steps(scope.steps), "notes": list(scope.notes)}


def _spent(total: Usage) -> Spent:
    return cast(Spent, {name: getattr(total, name) for name in Spent.__annotations__})


def _steps(steps: Iterable[Step]) -> list[StepAccount]:
    """Steps of one name are added up, with how often there were any."""
    by_name: dict[str, list[Step]] = {}
    for step in steps:
        by_name.setdefault(_bare_name(step), []).append(step)
    accounts: list[StepAccount] = []
    for name, group in by_name.items():
        total = sum((step.usage for step in group), Usage())
        steps_of_group = _steps(inner for step in group for inner in step.steps)
        accounts.append({"name": name, "times": len(group), **_spent(total), "steps": steps_of_group})
    return accounts


def _bare_name(step: Step) -> str:
    """A technique without its options; a model without its URL and folder."""
    return step.name.partition("(")[0] if step.call is None else bare(step.name)
