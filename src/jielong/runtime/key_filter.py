"""Takes keys out of the texts of those they were sent to, who repeat them in errors, replies and names of models.

A key is known as it is, in any case, in parts from its start or middle, percent-encoded, in hexadecimal, in base64
("Basic …") and as JSON and HTML write it. Three characters of it stay, so that one sees which it was: `sk-…`. What an
endpoint wants to hide in its text it can hide; it has the key already.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Awaitable, Iterable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from ..contract import Message, Reply, Text, Thinking
from ..events import Delta, Event, Listener

SHORTEST = 8  # of a key: shorter ones are words, and texts would be torn to pieces
_SHOWN, _GRAM, _HEAD, _STEP = 3, 4, 12, 8


class KeyFilter:
    """What is looked for: `_heads`, each the beginning of a form of a key, or of the rest of one from a later place."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        forms = dict.fromkeys(form.lower() for key in keys if len(key) >= SHORTEST for form in _forms(key))
        plain = {key.lower() for key in keys}
        self._rests: dict[str, str] = {}  # the longest that may follow from a head on
        for form in forms:
            last = max(1, len(form) - _HEAD + 1) if form in plain else 1
            for start in range(0, last, _STEP):
                self._rests.setdefault(form[start : start + _HEAD], form[start:])
        self._beginnings = {head[:n] for head in self._rests for n in range(_GRAM, len(head))}
        self._grams = _any_of({head[:_GRAM] for head in self._rests}, re.A)
        self._heads = _any_of(self._rests, re.I | re.A)

    def text(self, text: str) -> str:
        lower = text.lower()
        if not any(head in lower for head in self._rests):
            return text
        pieces = _Pieces(self)
        return pieces.add(text) + pieces.finish()

    def document(self, value: Any) -> Any:
        """The same for all texts in JSON."""
        if isinstance(value, dict):
            return {self.text(str(name)): self.document(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self.document(each) for each in value]
        return self.text(value) if isinstance(value, str) else value

    def reply(self, reply: Reply) -> Reply:
        """The reply without keys; its logprobs, which would spell them, go with them."""
        message, answered_by = self._message(reply.message), self.text(reply.answered_by)
        if message != reply.message:
            return replace(reply, message=message, logprobs=None, answered_by=answered_by)
        return reply if answered_by == reply.answered_by else replace(reply, answered_by=answered_by)

    def _message(self, message: Message) -> Message:
        content = message.content
        if isinstance(content, str):
            content = self.text(content)
        else:
            content = tuple(
                replace(part, text=self.text(part.text)) if isinstance(part, Text | Thinking) else part
                for part in content
            )
        calls = (replace(c, name=self.text(c.name), arguments=self.text(c.arguments)) for c in message.tool_calls)
        return replace(message, content=content, tool_calls=tuple(calls))

    def error(self, error: Exception) -> None:
        error.args = tuple(self.text(part) if isinstance(part, str) else part for part in error.args)


def _any_of(texts: Iterable[str], flags: re.RegexFlag) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, texts)) or "(?!)", flags)


def _forms(key: str) -> Iterator[str]:
    yield key
    yield quote(key, safe="")
    yield key.encode().hex()
    yield json.dumps(key)[1:-1]
    yield html.escape(key)
    for before in range(3):  # in base64 its characters depend on how many bytes stand before it
        whole = base64.b64encode(b"\0" * before + key.encode()).decode().rstrip("=")
        form = whole[(0, 2, 3)[before] : len(whole) - (len(whole) * 6 % 8 > 0)]
        yield form
        yield form.replace("+", "-").replace("/", "_")


class _Pieces:
    """One text that comes in pieces. What may be the beginning of a key is kept back until that is known; the outcome
    is the same however the text is cut."""

    def __init__(self, keys: KeyFilter) -> None:
        self._keys, self._begins = keys, keys._grams.search
        self._pending, self._passed = "", 0  # so many characters of what is pending were passed on

    def add(self, piece: str) -> str:
        text = self._pending + piece
        if not self._begins(text.lower()):  # nearly always: no key begins in it
            out = piece if self._passed == len(self._pending) else text[self._passed :]
            self._pending = text[-_SHOWN:]
            self._passed = len(self._pending)
            return out
        out = ""
        while match := self._keys._heads.search(text):
            end = self._end(text, match)
            if end == len(text):  # and it may go on
                return self._pass(text, out, match.start())
            out += text[self._passed : match.start() + _SHOWN] + "…"
            text, self._passed = text[end:], 0
        lengths = range(min(_HEAD - 1, len(text)), _GRAM - 1, -1)
        start = next((len(text) - n for n in lengths if text[-n:].lower() in self._keys._beginnings), len(text))
        return self._pass(text, out, start)

    def _pass(self, text: str, out: str, start: int) -> str:
        """Passes on all before the key that may begin at `start`, and the characters of it that are shown."""
        start = max(0, min(start, len(text) - _SHOWN))
        end = start + _SHOWN if len(text) > start + _SHOWN else len(text)
        out += text[self._passed : end]
        self._pending, self._passed = text[start:], max(end, self._passed) - start
        return out

    def _end(self, text: str, match: re.Match[str]) -> int:
        rest, n = self._keys._rests[match[0].lower()], len(match[0])
        while n < len(rest) and match.start() + n < len(text) and text[match.start() + n].lower() == rest[n]:
            n += 1
        return match.start() + n

    def finish(self) -> str:
        is_key = self._keys._heads.match(self._pending)
        return "…" if is_key else self._pending[self._passed :]


async def _nothing() -> None:
    pass


class FilteredListener:
    """Passes on the pieces of an answer and of thoughts, without keys."""

    def __init__(self, keys: KeyFilter, listener: Listener) -> None:
        self._listener, self._texts = listener, {thinking: _Pieces(keys) for thinking in (False, True)}

    def __call__(self, event: Event) -> Awaitable[None]:  # it awaits nothing itself, which is dear for each piece
        if isinstance(event, Delta):
            text = self._texts[event.thinking].add(event.text)
            if not text:
                return _nothing()
            event = event if text is event.text else replace(event, text=text)
        return self._listener(event)

    async def finish(self) -> None:
        for thinking in (True, False):
            if text := self._texts[thinking].finish():
                await self._listener(Delta(text, thinking))
