"""Work on texts of megabytes, which holds the interpreter's lock: in a thread, one at a time, with pauses between.

Encoding or parsing 8 MB of JSON is one call of C that nothing can interrupt. One such call delays everybody else in the
process by some hundredths of a second; a crowd of them would leave nobody a turn. So JSON is encoded in pieces, and
what cannot be cut waits for its turn.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from json.encoder import encode_basestring
from typing import Any, TypeVar

import anyio
import anyio.to_thread

from ..bounded_json import well_formed
from ..contract import Embeddings, Image, Message, NextTokens, Reply, Request
from ..sync import LoopLimiter
from .runtime import active_runtime

T = TypeVar("T")
LONG = 100_000  # characters or bytes
PAUSE = 3  # times as long as the work took
PIECE, ITEMS_AT_ONCE = 65_536, 64  # characters of a text, entries of a list, that are encoded at a time
NUMBER = 24  # characters of a number and what stands beside it


class _Turns(LoopLimiter):
    def __init__(self) -> None:
        super().__init__(1)


async def in_turn(size: int, work: Callable[[], T], *, more: float = 0.0) -> T:
    """What `work` returns; done at once where its text of `size` is not long. `more`: seconds of work around it."""
    if size < LONG:
        return work()

    def timed() -> tuple[T, float]:
        began = time.thread_time()
        return work(), time.thread_time() - began

    async with active_runtime().get(_Turns).here():
        result, seconds = await anyio.to_thread.run_sync(timed)
        await anyio.sleep(PAUSE * (seconds + more))
        return result


def encode_text(value: Any, size: int, *, sort_keys: bool = False) -> str:
    """The text of `json.dumps`, well formed. If it has a `size` that is long, others have their turn meanwhile."""
    if size < LONG:
        return well_formed(json.dumps(value, ensure_ascii=False, sort_keys=sort_keys))
    return well_formed("".join(_pieces(value, sort_keys)))


def _pieces(value: Any, sort_keys: bool) -> Iterator[str]:
    if isinstance(value, str):
        yield '"'
        for start in range(0, len(value), PIECE):
            yield encode_basestring(value[start : start + PIECE])[1:-1]
        yield '"'
    elif isinstance(value, dict) and value and all(isinstance(name, str) for name in value):
        before = "{"
        for name, each in sorted(value.items()) if sort_keys else value.items():
            yield f"{before}{encode_basestring(name)}: "
            yield from _pieces(each, sort_keys)
            before = ", "
        yield "}"
    elif isinstance(value, list | tuple) and value:
        before = "["
        for start in range(0, len(value), ITEMS_AT_ONCE):
            items = value[start : start + ITEMS_AT_ONCE]
            if any(map(_is_long, items)):
                for each in items:
                    yield before
                    yield from _pieces(each, sort_keys)
                    before = ", "
            else:
                yield before + json.dumps(items, ensure_ascii=False, sort_keys=sort_keys)[1:-1]
            before = ", "
        yield "]"
    else:
        yield json.dumps(value, ensure_ascii=False, sort_keys=sort_keys)


def _is_long(value: Any) -> bool:
    """Whether an entry may itself be too long to be encoded at once with those beside it."""
    return isinstance(value, dict) or (isinstance(value, list | tuple | str) and len(value) > ITEMS_AT_ONCE)


def length(request: Request) -> int:
    """About how much text and picture a request holds."""
    return sum(map(message_length, request.messages))


def result_length(result: Reply | NextTokens | Embeddings | None) -> int:
    """About how long a result is as JSON."""
    if isinstance(result, Reply):
        logprobs = result.logprobs
        numbers = len(logprobs) * (1 + len(logprobs[0].top)) if logprobs else 0
        return message_length(result.message) + NUMBER * numbers
    if isinstance(result, Embeddings):
        return NUMBER * sum(map(len, result.vectors))
    return NUMBER * len(result.tokens) if result else 0


def message_length(message: Message) -> int:
    calls = sum(len(call.arguments) for call in message.tool_calls)
    if isinstance(message.content, str):
        return len(message.content) + calls
    return calls + sum(len(part.data) if isinstance(part, Image) else len(part.text) for part in message.content)
