"""Work on texts of megabytes, which holds the interpreter's lock: in a thread, one at a time, with pauses between.

Encoding or parsing 8 MB of JSON is one call of C that nothing can interrupt. One such call delays everybody else in the
process by some hundredths of a second; a crowd of them would leave nobody a turn.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread

from ..contract import Image, Message, Request
from ..sync import LoopLimiter
from .runtime import active_runtime

T = TypeVar("T")
LONG = 100_000  # characters or bytes
PAUSE = 3  # times as long as the work took


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


def length(request: Request) -> int:
    """About how much text and picture a request holds."""
    return sum(map(_length, request.messages))


def _length(message: Message) -> int:
    if isinstance(message.content, str):
        return len(message.content)
    return sum(len(part.data) if isinstance(part, Image) else len(part.text) for part in message.content)
