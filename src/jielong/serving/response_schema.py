"""What a client is told: replies as the JSON of the protocol, whole and in chunks, and what they cost.

`usage` is everything spent beneath a reply. The extension field `jielong` breaks it down by technique: names only, as
the options of an operator's recipe may hold paths and texts that are nobody's business.
"""

from __future__ import annotations

import base64
import json
import secrets
import struct
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..contract import Embeddings, Reply, Step, Thinking, TokenLogprob, Usage
from ..events import Delta
from ..runtime.telemetry.semantic_conventions import FINISHES, bare
from ..scope import Scope

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ServedReply:
    """The head that all parts of one answer share. `model` is what the client called it."""

    model: str
    id: str = field(default_factory=lambda: f"chatcmpl-{secrets.token_hex(12)}")
    created: int = field(default_factory=lambda: int(time.time()))

    def whole(self, replies: Sequence[Reply], spent: Scope) -> Json:
        choices = [
            {"index": i, "message": message(r), "logprobs": logprobs(r), "finish_reason": FINISHES[r.finish]}
            for i, r in enumerate(replies)
        ]
        head = {"id": self.id, "object": "chat.completion", "created": self.created, "model": self.model}
        return {**head, "choices": choices, "usage": usage(spent.usage), "jielong": account(spent)}

    def chunk(self, choices: list[Json], more: Json | None = None) -> bytes:
        head = {"id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model}
        return event({**head, "choices": choices, **(more or {})})


class Choice:
    """One choice of a stream, as it arrives. The frame of a piece is written once, as there are many pieces."""

    def __init__(self, answer: ServedReply, index: int) -> None:
        self.answer, self.index, self.heard, self.begun = answer, index, False, False
        frame = answer.chunk([{"index": index, "delta": {"?": "?"}, "logprobs": None, "finish_reason": None}])
        self._before, self._after = frame.split(b'"?":"?"')

    def piece(self, delta: Delta) -> bytes:
        kind = b'"reasoning_content":' if delta.thinking else b'"content":'
        self.heard = self.heard or not delta.thinking
        said = self._before + kind + json.dumps(delta.text, ensure_ascii=False).encode(errors="replace") + self._after
        return said if self.begun else self.begin() + said

    def begin(self) -> bytes:
        self.begun = True
        return self._part({"role": "assistant", "content": ""})

    def end(self, reply: Reply, more: Json | None) -> bytes:
        """What is known at the end only: log-probabilities, tool calls, a refusal, and why it ended."""
        said = b"" if self.begun else self.begin()
        if (logs := logprobs(reply)) is not None:
            said += self._part({"content": ""}, logs)
        if reply.message.tool_calls:
            said += self._part({"tool_calls": [{"index": i, **call} for i, call in enumerate(tool_calls(reply))]})
        if not self.heard and reply.text:
            said += self._part({"refusal" if reply.finish == "refused" else "content": reply.text})
        ended = {"index": self.index, "delta": {}, "logprobs": None, "finish_reason": FINISHES[reply.finish]}
        return said + self.answer.chunk([ended], more)

    def _part(self, delta: Json, logs: Json | None = None) -> bytes:
        return self.answer.chunk([{"index": self.index, "delta": delta, "logprobs": logs, "finish_reason": None}])


def event(said: Json) -> bytes:
    return b"data: " + encoded(said) + b"\n\n"


def comment(said: Json) -> bytes:
    """A line that clients of event streams leave out: the side channel."""
    return b": " + encoded(said) + b"\n\n"


def encoded(said: Json) -> bytes:
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def message(reply: Reply) -> Json:
    refused = reply.finish == "refused"
    calls = tool_calls(reply)
    said: Json = {
        "role": "assistant",
        "content": None if refused or (calls and not reply.text) else reply.text,
        "refusal": reply.text if refused else None,
    }
    content = reply.message.content
    thoughts = "" if isinstance(content, str) else "".join(p.text for p in content if isinstance(p, Thinking))
    if thoughts:
        said["reasoning_content"] = thoughts
    if calls:
        said["tool_calls"] = calls
    return said


def tool_calls(reply: Reply) -> list[Json]:
    return [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in reply.message.tool_calls
    ]


def logprobs(reply: Reply) -> Json | None:
    return None if reply.logprobs is None else {"content": list(map(_token, reply.logprobs)), "refusal": None}


def _token(token: TokenLogprob) -> Json:
    top = [{"token": t, "logprob": p, "bytes": _bytes(t)} for t, p in token.top]
    return {"token": token.token, "logprob": token.logprob, "bytes": _bytes(token.token), "top_logprobs": top}


def _bytes(token: str) -> list[int]:
    return list(token.encode(errors="replace"))


def usage(spent: Usage) -> Json:
    return {
        "prompt_tokens": spent.input_tokens,
        "completion_tokens": spent.output_tokens,
        "total_tokens": spent.input_tokens + spent.output_tokens,
        "prompt_tokens_details": {"cached_tokens": spent.prompt_cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": spent.reasoning_tokens},
    }


def embeddings(model: str, said: Embeddings, as_base64: bool) -> Json:
    vectors = [_packed(vector) if as_base64 else list(vector) for vector in said.vectors]
    data = [{"object": "embedding", "index": i, "embedding": vector} for i, vector in enumerate(vectors)]
    spent = said.usage.input_tokens
    return {"object": "list", "data": data, "model": model, "usage": {"prompt_tokens": spent, "total_tokens": spent}}


def _packed(vector: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def progress(spent: Scope, max_calls: int, seconds: float) -> Json:
    return {
        "jielong": {
            "calls": spent.usage.calls,
            "begun": spent.calls_begun,
            "max_calls": max_calls,
            "output_tokens": spent.usage.output_tokens,
            "seconds": round(seconds, 3),
        }
    }


def account(spent: Scope) -> Json:
    """What was spent, and by which technique. `notes` says what was filled in or left out."""
    return {**_spent(spent.usage), "steps": _steps(spent.steps), "notes": list(spent.notes)}


def _spent(spent: Usage) -> Json:
    return {
        "calls": spent.calls,
        "retries": spent.retries,
        "cached_calls": spent.cached_calls,
        "unsettled_calls": spent.unsettled_calls,
        "input_tokens": spent.input_tokens,
        "output_tokens": spent.output_tokens,
        "usd": spent.usd,
    }


def _steps(steps: Iterable[Step]) -> list[Json]:
    """Steps of one name are told together, with how often there were any."""
    alike: dict[str, list[Step]] = {}
    for step in steps:
        alike.setdefault(_shown(step), []).append(step)
    told = []
    for name, group in alike.items():
        beneath = _steps(inner for step in group for inner in step.steps)
        spent = sum((step.usage for step in group), Usage())
        told.append({"name": name, "times": len(group), **_spent(spent), **({"steps": beneath} if beneath else {})})
    return told


def _shown(step: Step) -> str:
    """A technique without its options; a model without its URL and folder."""
    return step.name.partition("(")[0] if step.call is None else bare(step.name)
