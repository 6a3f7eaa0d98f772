"""Concurrent requests to a local network, run together by one thread: a sequence joins as soon as another one ends.

The engine knows tokens and logits only; this file knows samplers, stop texts, streaming and who waits for what.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

from ..contract import TokenLogprob
from .constrained_decoding import TokenConstraint
from .token_sampling import Logits, Sampler, token_logprob

Text: TypeAlias = tuple[tuple[int, ...], int]  # tokens, and how many of its prefixes, the longest ones, are asked about


class Engine(Protocol):
    """A network with room for `max_rows` sequences of up to `context` tokens."""

    max_rows: int
    context: int

    def start(
        self, prompts: Sequence[tuple[int, ...]], adapters: Sequence[str] = ()
    ) -> tuple[list[int], Sequence[Logits]]:
        """Prefill the prompts: the slot of each, and the logits (vocabulary,) of the token that follows it.

        `adapters`: with which adapter the network computes each of them; "" is none, as is an empty sequence for all.
        """

    def step(self, slots: Sequence[int], tokens: Sequence[int]) -> Sequence[Logits]:
        """Add one token to each slot; the logits (vocabulary,) of the next ones, valid until the next call."""

    def release(self, slot: int) -> None: ...

    def logits(self, texts: Sequence[Text], adapters: Sequence[str] = ()) -> list[Logits]:
        """Of each text (last, vocabulary), float32: what follows each of its `last` longest prefixes."""


@dataclass(frozen=True)
class GenerationJob:
    """One sample to generate. `decode(tokens)` is their text; `on_text` gets each new piece, in the caller's loop."""

    prompt: tuple[int, ...]
    sampler: Sampler
    max_tokens: int
    end: frozenset[int]
    decode: Callable[[Sequence[int]], str]
    stop: tuple[str, ...] = ()
    logprobs: int | None = None
    on_text: Callable[[str], None] | None = None
    constraint: TokenConstraint | None = None
    decode_token: Callable[[int], str] | None = None
    request: str = ""  # what it belongs to, where several requests share the engine
    adapter: str = ""


@dataclass(frozen=True)
class GeneratedTokens:
    text: str
    tokens: tuple[int, ...]
    finish: Literal["stop", "length"]
    logprobs: tuple[TokenLogprob, ...] | None
    ended_by: TokenLogprob | None = None  # the token that ended it, if one did and log-probabilities were asked for


@dataclass(eq=False)
class _Sequence:
    job: GenerationJob
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[GeneratedTokens]
    tokens: list[int] = field(default_factory=list)
    logprobs: list[TokenLogprob] = field(default_factory=list)
    emitted: str = ""
    slot: int = -1
    cancelled: bool = False


@dataclass(eq=False)
class _Reading:
    text: Text
    adapter: str
    logits: Logits | None = None
    error: BaseException | None = None

    @property
    def done(self) -> bool:
        return self.logits is not None or self.error is not None


class Batcher:
    """Owns the engine: whatever runs it goes through `generate`, `logits` or `exclusive`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.context = engine.context
        self._waiting: dict[str, deque[_Sequence]] = {}  # of each request, in the order in which they came
        self._changed = threading.Condition()
        self._to_read: deque[_Reading] = deque()
        self._one_reads = threading.Lock()
        self._running = 0  # sequences in the batch
        self._reads = False
        self._exclusive = False
        self._thread: threading.Thread | None = None

    async def generate(self, job: GenerationJob) -> GeneratedTokens:
        """Generate one sample. Cancelled, its sequence is dropped before the next token."""
        loop = asyncio.get_running_loop()
        sequence = _Sequence(job, loop, loop.create_future())
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="jielong batcher", daemon=True)
                self._thread.start()
            self._waiting.setdefault(job.request, deque()).append(sequence)
            self._changed.notify_all()
        try:
            return await sequence.future
        except asyncio.CancelledError:
            sequence.cancelled = True
            raise

    def logits(self, tokens: Sequence[int], last: int, adapter: str = "") -> Logits:
        """(last, vocabulary), see `Engine.logits`; computed beside a running batch, together with what other threads
        ask for meanwhile. Blocks; call it in a thread."""
        reading = _Reading((tuple(tokens), last), adapter)
        self._to_read.append(reading)
        while not reading.done:
            with self._one_reads:
                if not reading.done:
                    self._read()
        if reading.logits is None:
            assert reading.error
            raise reading.error
        return reading.logits

    def _read(self) -> None:
        """What waits to be read, as many texts as there are rows; the oldest first."""
        count = min(len(self._to_read), self._engine.max_rows)
        readings = [self._to_read.popleft() for _ in range(count)]
        with self._changed:
            self._changed.wait_for(lambda: not self._exclusive)
            self._reads = True
        try:
            found = self._engine.logits([each.text for each in readings], [each.adapter for each in readings])
            for reading, logits in zip(readings, found, strict=True):
                reading.logits = logits
        except BaseException as error:  # each of the callers must get it
            for reading in readings:
                reading.error = error
        finally:
            with self._changed:
                self._reads = False
                self._changed.notify_all()

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Waits until running sequences have ended; inside the block, new ones wait."""
        with self._changed:
            self._changed.wait_for(lambda: not self._exclusive)
            self._exclusive = True  # before the wait for the running ones: else a steady flow would never let it in
            self._changed.wait_for(lambda: not self._running and not self._reads)
        try:
            yield
        finally:
            with self._changed:
                self._exclusive = False
                self._changed.notify_all()

    def replace_engine(self, engine: Engine) -> None:
        """Another network of the same context, as after a step of a training; running sequences end before."""
        with self.exclusive():
            self._engine = engine

    def _work(self) -> None:
        active: list[_Sequence] = []
        while True:
            new = self._admit(active)
            try:
                active = self._round(active, new)
            except BaseException as error:  # the callers must get the error, and the thread must live on
                for sequence in [*active, *new]:
                    self._release(sequence)
                    _notify_caller(sequence, sequence.future.set_exception, error)
                active = []

    def _admit(self, active: Sequence[_Sequence]) -> list[_Sequence]:
        with self._changed:
            self._running = len(active)
            if not active:
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._waiting and not self._exclusive)
            new = [] if self._exclusive else self._next_ones(active)
            self._running += len(new)
        return [sequence for sequence in new if not sequence.cancelled]

    def _next_ones(self, active: Sequence[_Sequence]) -> list[_Sequence]:
        """The next row is for the request that has fewest. The last rows are not for one that has several, so that a
        small request does not wait for large ones."""
        rows, kept = self._engine.max_rows, self._engine.max_rows // 4
        several = max(1, kept // 4)
        running = Counter(sequence.job.request for sequence in active)
        new: list[_Sequence] = []
        while self._waiting and len(active) + len(new) < rows:
            request = min(self._waiting, key=running.__getitem__)
            if request and len(active) + len(new) >= rows - kept and running[request] >= several:
                break
            queue = self._waiting[request]
            new.append(queue.popleft())
            running[request] += 1
            if not queue:
                del self._waiting[request]
        return new

    def _round(self, active: list[_Sequence], new: list[_Sequence]) -> list[_Sequence]:
        """One token for every sequence; those that go on."""
        continuing = []
        for sequence in active:
            if sequence.cancelled:
                self._release(sequence)
            else:
                continuing.append(sequence)
        if continuing:
            logits = self._engine.step([s.slot for s in continuing], [s.tokens[-1] for s in continuing])
            continuing = [s for s, its_logits in zip(continuing, logits, strict=True) if self._goes_on(s, its_logits)]
        if new:
            slots, logits = self._engine.start([s.job.prompt for s in new], [s.job.adapter for s in new])
            for sequence, slot in zip(new, slots, strict=True):
                sequence.slot = slot
            continuing += [s for s, its_logits in zip(new, logits, strict=True) if self._goes_on(s, its_logits)]
        return continuing

    def _goes_on(self, sequence: _Sequence, logits: Logits) -> bool:
        """`_add`, where an error, such as a schema that cannot be enforced any further, ends this sequence alone."""
        try:
            return self._add(sequence, logits)
        except Exception as error:
            self._release(sequence)
            _notify_caller(sequence, sequence.future.set_exception, error)
            return False

    def _add(self, sequence: _Sequence, logits: Logits) -> bool:
        """Sample the sequence's next token; False when the sequence has ended."""
        job, tokens = sequence.job, sequence.tokens
        token = job.sampler.pick(job.constraint.mask_logits(logits) if job.constraint else logits, len(tokens))
        if job.constraint:
            job.constraint.advance(token)
        of_token = None
        if job.logprobs is not None:
            of_token = token_logprob(logits, token, job.logprobs, job.decode_token or (lambda t: job.decode([t])))
        if token in job.end:
            return self._end(sequence, "stop", job.decode(tokens), of_token)
        if of_token:
            sequence.logprobs.append(of_token)
        tokens.append(token)
        if job.stop or job.on_text:
            text = job.decode(tokens)
            matches = [at for at in (text.find(stop) for stop in job.stop) if at >= 0]
            if matches:
                return self._end(sequence, "stop", text[: min(matches)])
            self._emit(sequence, text[: len(text) - _held_back(text, job.stop)])
        if len(tokens) >= job.max_tokens or len(job.prompt) + len(tokens) >= self._engine.context:
            return self._end(sequence, "length", job.decode(tokens))
        return True

    def _emit(self, sequence: _Sequence, text: str) -> None:
        if sequence.job.on_text and len(text) > len(sequence.emitted):
            delta, sequence.emitted = text[len(sequence.emitted) :], text
            _notify_caller(sequence, sequence.job.on_text, delta)

    def _end(
        self, sequence: _Sequence, finish: Literal["stop", "length"], text: str, ended_by: TokenLogprob | None = None
    ) -> bool:
        self._emit(sequence, text)
        self._release(sequence)
        logprobs = None if sequence.job.logprobs is None else tuple(sequence.logprobs)
        result = GeneratedTokens(text, tuple(sequence.tokens), finish, logprobs, ended_by)
        _notify_caller(sequence, sequence.future.set_result, result)
        return False

    def _release(self, sequence: _Sequence) -> None:
        if sequence.slot >= 0:
            self._engine.release(sequence.slot)
            sequence.slot = -1


def _held_back(text: str, stop: tuple[str, ...]) -> int:
    """How many characters may not be emitted yet: half a character, or what may become a stop text."""
    length = len(text) - len(text.rstrip("\ufffd"))
    for word in stop:
        for prefix_length in range(min(len(word) - 1, len(text)), length, -1):
            if text.endswith(word[:prefix_length]):
                length = prefix_length
                break
    return length


def _notify_caller(sequence: _Sequence, callback: Callable[[Any], None], value: Any) -> None:
    def call_if_waiting() -> None:
        if not sequence.future.done():
            callback(value)

    with contextlib.suppress(RuntimeError):  # the caller's loop is closed: nobody waits any more
        sequence.loop.call_soon_threadsafe(call_if_waiting)
