"""Concurrent requests to a local network, run together by one thread: a row joins as soon as another one ends.

The engine knows tokens and logits only; this file knows samplers, stop texts, streaming and who waits for what.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from ..contract import TokenLogprob
from .constrained_decoding import TokenConstraint
from .token_sampling import Logits, Sampler, token_logprob


class Engine(Protocol):
    """A network with room for `rows` sequences of up to `context` tokens."""

    rows: int
    context: int

    def start(self, prompts: Sequence[tuple[int, ...]]) -> tuple[list[int], Sequence[Logits]]:
        """Read the prompts; their rows, and the logits of the token that follows each."""

    def step(self, rows: Sequence[int], tokens: Sequence[int]) -> Sequence[Logits]:
        """Add one token to each row; the logits of the next ones, good until the next call."""

    def release(self, row: int) -> None: ...


@dataclass(frozen=True)
class Job:
    """One sample to draw. `text_of(tokens)` is their text; `on_text` gets each new piece, in the caller's loop."""

    prompt: tuple[int, ...]
    sampler: Sampler
    max_tokens: int
    end: frozenset[int]
    text_of: Callable[[Sequence[int]], str]
    stop: tuple[str, ...] = ()
    logprobs: int | None = None
    on_text: Callable[[str], None] | None = None
    guide: TokenConstraint | None = None


@dataclass(frozen=True)
class GeneratedTokens:
    text: str
    tokens: tuple[int, ...]
    finish: Literal["stop", "length"]
    logprobs: tuple[TokenLogprob, ...] | None


@dataclass(eq=False)
class _Row:
    job: Job
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[GeneratedTokens]
    tokens: list[int] = field(default_factory=list)
    logprobs: list[TokenLogprob] = field(default_factory=list)
    shown: str = ""
    slot: int = -1
    cancelled: bool = False


class Batcher:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.context = engine.context
        self._waiting: deque[_Row] = deque()
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None

    async def draw(self, job: Job) -> GeneratedTokens:
        """Draw one sample. Cancelled, its row is dropped before the next token."""
        loop = asyncio.get_running_loop()
        row = _Row(job, loop, loop.create_future())
        with self._wake:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="jielong batcher", daemon=True)
                self._thread.start()
            self._waiting.append(row)
            self._wake.notify()
        try:
            return await row.future
        except asyncio.CancelledError:
            row.cancelled = True
            raise

    def _work(self) -> None:
        active: list[_Row] = []
        while True:
            new = self._admit(len(active))
            try:
                active = self._round(active, new)
            except BaseException as error:  # whoever waits must hear of it
                for row in [*active, *new]:
                    self._release(row)
                    _tell(row, row.future.set_exception, error)
                active = []

    def _admit(self, busy: int) -> list[_Row]:
        with self._wake:
            while not busy and not self._waiting:
                self._wake.wait()
            room = self._engine.rows - busy
            new = [self._waiting.popleft() for _ in range(min(room, len(self._waiting)))]
        return [row for row in new if not row.cancelled]

    def _round(self, active: list[_Row], new: list[_Row]) -> list[_Row]:
        going = []
        for row in active:
            if row.cancelled:
                self._release(row)
            else:
                going.append(row)
        if going:
            logits = self._engine.step([row.slot for row in going], [row.tokens[-1] for row in going])
            going = [row for row, now in zip(going, logits, strict=True) if self._add(row, now)]
        if new:
            slots, logits = self._engine.start([row.job.prompt for row in new])
            for row, slot in zip(new, slots, strict=True):
                row.slot = slot
            going += [row for row, now in zip(new, logits, strict=True) if self._add(row, now)]
        return going

    def _add(self, row: _Row, logits: Logits) -> bool:
        """Draw the row's next token; False when the row has ended."""
        job = row.job
        token = job.sampler.pick(job.guide.narrowed(logits) if job.guide else logits, len(row.tokens))
        if job.guide:
            job.guide.took(token)
        if job.logprobs is not None and token not in job.end:
            row.logprobs.append(token_logprob(logits, token, job.logprobs, lambda t: job.text_of([t])))
        if token in job.end:
            return self._end(row, "stop", job.text_of(row.tokens))
        row.tokens.append(token)
        if job.stop or job.on_text:
            text = job.text_of(row.tokens)
            found = [at for at in (text.find(stop) for stop in job.stop) if at >= 0]
            if found:
                return self._end(row, "stop", text[: min(found)])
            self._show(row, text[: len(text) - _held_back(text, job.stop)])
        if len(row.tokens) >= job.max_tokens or len(job.prompt) + len(row.tokens) >= self._engine.context:
            return self._end(row, "length", job.text_of(row.tokens))
        return True

    def _show(self, row: _Row, text: str) -> None:
        if row.job.on_text and len(text) > len(row.shown):
            piece, row.shown = text[len(row.shown) :], text
            _tell(row, row.job.on_text, piece)

    def _end(self, row: _Row, finish: Literal["stop", "length"], text: str) -> bool:
        self._show(row, text)
        self._release(row)
        logprobs = None if row.job.logprobs is None else tuple(row.logprobs)
        _tell(row, row.future.set_result, GeneratedTokens(text, tuple(row.tokens), finish, logprobs))
        return False

    def _release(self, row: _Row) -> None:
        if row.slot >= 0:
            self._engine.release(row.slot)
            row.slot = -1


def _held_back(text: str, stop: tuple[str, ...]) -> int:
    """How many characters may not be shown yet: half a character, or what may become a stop text."""
    held = len(text) - len(text.rstrip("\ufffd"))
    for word in stop:
        for length in range(min(len(word) - 1, len(text)), held, -1):
            if text.endswith(word[:length]):
                held = length
                break
    return held


def _tell(row: _Row, say: Callable[[Any], None], what: Any) -> None:
    def safely() -> None:
        if not row.future.done():
            say(what)

    with contextlib.suppress(RuntimeError):  # the caller's loop is closed: nobody waits any more
        row.loop.call_soon_threadsafe(safely)
