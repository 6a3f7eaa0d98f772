"""The public test double: canned or computed replies, latencies and faults, with counts of what was asked.

A token of a scripted model is a word; max_tokens cuts a reply off, as at an endpoint. A file holds one JSON object a
line; the first line whose `contains` occurs in the last message answers it:

    {"contains": "2+2", "reply": ["4", "5"], "finish": "stop", "thinking": "…", "seconds": 0.1, "fails": 2,
     "logprob": -0.5}

`reply` is a text, or a list from which the seed picks; the first `fails` attempts of a call fail as an endpoint does.
Asked for log-probabilities, each word has `logprob`, which is 0 where the script does not say: it knows its words.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import anyio

from ..bounded_json import read_json
from ..call_context import current
from ..contract import Message, Model, Reply, Request, Text, Thinking, TokenLogprob, Usage
from ..errors import BadInput, NoAnswer
from ..events import Delta
from ..recipe import quote
from ..regular_files import read_regular_file
from ..runtime.provider import AttemptFailed, Provider
from .function_identity import function_identity

_FINISHES = ("stop", "length", "refused")
_FIELDS = {"contains", "reply", "finish", "thinking", "seconds", "fails", "logprob"}


def load(kind: str, rest: str) -> Model:
    """`scripted:FILE`."""
    if not rest:
        raise BadInput("scripted: needs a file of replies, as in scripted:replies.jsonl")
    script = _Script(Path(rest))
    return Scripted(script.reply, seconds=script.seconds, name=f"{kind}:{rest}", identity=script.digest)


class Scripted(Provider):
    """A model whose replies are computed by `reply(request)`: a text, a Reply, or an error that it raises.

    The ledger tells models apart by what they reply: the text, the script's digest, or the function with what it closes
    over. Give `identity` to a function that has a state and is to find its own replies in the ledger again.
    `requests`, `running`, `finished` and `tokens` tell what it was asked, what is under way, and what it answered.
    `request.sampling.seed` is the sample's own seed.
    """

    seeded: ClassVar[Literal["exact", "best_effort", "none"]] = "exact"

    def __init__(
        self,
        reply: Callable[[Request], str | Reply] | str,
        *,
        seconds: float | Callable[[Request], float] = 0.0,
        name: str = "scripted:test",
        identity: str | None = None,
    ) -> None:
        self._reply: Callable[[Request], str | Reply] = (lambda request: reply) if isinstance(reply, str) else reply
        self._seconds, self._name = seconds, name
        self._identity = f"scripted {identity or function_identity(self._reply)}"
        self.requests: list[Request] = []
        self.running = self.finished = self.tokens = 0
        self.attempts: list[str] = []

    @property
    def name(self) -> str:
        return quote(self._name)

    def identity(self) -> str:
        return self._identity

    async def send(self, request: Request, attempt: str) -> Reply:
        self.requests.append(request)
        self.attempts.append(attempt)
        self.running += 1
        try:
            await anyio.sleep(self._seconds(request) if callable(self._seconds) else self._seconds)
            reply = self._counting_words(request, self._reply(request))
            if listener := current().listener:
                for piece in re.findall(r"\s*\S+\s*\Z|\s*\S+", reply.text) or [reply.text]:
                    await listener(Delta(piece))
            self.finished += 1
            self.tokens += reply.usage.input_tokens + reply.usage.output_tokens
            return reply
        finally:
            self.running -= 1

    def _counting_words(self, request: Request, reply: str | Reply) -> Reply:
        if isinstance(reply, str):
            reply = Reply(Message("assistant", reply))
        input_tokens = sum(len(message.text.split()) for message in request.messages)
        words, limit = re.findall(r"\s*\S+", reply.text), request.sampling.max_tokens
        if limit is not None and len(words) > limit:
            thinking = tuple(part for part in reply.message.content if isinstance(part, Thinking))
            cut = replace(reply.message, content=(*thinking, Text("".join(words[:limit]))))
            reply = replace(reply, message=cut, finish="length")
        if request.sampling.logprobs is not None and reply.logprobs is None:
            reply = replace(reply, logprobs=tuple(TokenLogprob(word, 0.0) for word in words[:limit]) or None)
        return replace(reply, usage=Usage(input_tokens=input_tokens, output_tokens=len(reply.text.split())))


class _Script:
    def __init__(self, file: Path) -> None:
        try:
            data = read_regular_file(file)
            lines = data.decode().splitlines()
        except OSError as error:
            reason = f"cannot be read ({error.strerror})"
            raise BadInput(f"scripted:{file}: {reason}; expected a file of JSON lines") from None
        except UnicodeDecodeError:
            raise BadInput(f"scripted:{file}: not UTF-8; expected a file of JSON lines") from None
        self.digest = hashlib.sha256(data).hexdigest()
        self.lines = [self._line(file, number, line) for number, line in enumerate(lines, 1) if line.strip()]
        self.failed: dict[int, int] = {}

    def _line(self, file: Path, number: int, line: str) -> dict[str, Any]:
        expected = 'expected an object such as {"contains": "2+2", "reply": "4"}'
        try:
            entry = read_json(line)
        except ValueError:
            raise BadInput(f"scripted:{file}:{number}: not JSON; {expected}") from None
        if not isinstance(entry, dict) or "reply" not in entry or not set(entry) <= _FIELDS:
            raise BadInput(f"scripted:{file}:{number}: {expected}; fields are {', '.join(sorted(_FIELDS))}")
        if entry.get("finish", "stop") not in _FINISHES:
            raise BadInput(f"scripted:{file}:{number}: finish is {entry['finish']!r}; expected {', '.join(_FINISHES)}")
        return entry

    def matching(self, request: Request) -> dict[str, Any]:
        question = request.messages[-1].text
        for line in self.lines:
            if line.get("contains", "") in question:
                return line
        raise NoAnswer(f"no line of the script answers {question[:60]!r}")

    def seconds(self, request: Request) -> float:
        return float(self.matching(request).get("seconds", 0.0))

    def reply(self, request: Request) -> Reply:
        line = self.matching(request)
        failed = self.failed.get(id(line), 0)
        if failed < line.get("fails", 0):
            self.failed[id(line)] = failed + 1
            raise AttemptFailed("the script says that this attempt fails", after=0.0)
        text = line["reply"]
        if isinstance(text, list):
            text = random.Random(request.sampling.seed).choice(text)
        thinking = (Thinking(line["thinking"]),) if "thinking" in line else ()
        content = (*thinking, Text(str(text))) if thinking else str(text)
        logprob: Any = line.get("logprob")
        asked = logprob is not None and request.sampling.logprobs is not None
        words = re.findall(r"\s*\S+", str(text))
        logprobs = tuple(TokenLogprob(word, float(logprob)) for word in words) if asked else None
        return Reply(Message("assistant", content), line.get("finish", "stop"), logprobs=logprobs)
