"""What a listener gets while a reply is made: its pieces, its steps and, last, the reply itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import anyio

from . import call_context
from .sync import unwrap_exception_group

if TYPE_CHECKING:
    from .contract import Model, Reply, Request, Step


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of the answer, or of the model's thoughts, as it arrives."""

    text: str
    thinking: bool = False


Event: TypeAlias = "Delta | Step | Reply"  # the Reply comes last, exactly once
Listener: TypeAlias = Callable[[Event], Awaitable[None]]


class TrackingListener:
    """Passes events on and remembers whether there were any, and whether a piece of the answer was among them."""

    def __init__(self, listener: Listener) -> None:
        self.listener, self.emitted, self.emitted_text = listener, False, False

    async def __call__(self, event: Event) -> None:
        self.emitted = True
        self.emitted_text = self.emitted_text or (isinstance(event, Delta) and not event.thinking)
        await self.listener(event)


def tracking_listener() -> TrackingListener | None:
    """Around the listener of the current call, if it has one."""
    listener = call_context.current().listener
    return TrackingListener(listener) if listener else None


@asynccontextmanager
async def stream(model: Model, request: Request) -> AsyncIterator[AsyncIterator[Event]]:
    """The events of `model.generate(request)`, which is cancelled when the block is left early."""
    send, receive = anyio.create_memory_object_stream[Event](64)

    async def generate() -> None:
        async with send:
            with call_context.replace(listener=send.send):
                reply = await model.generate(request)
            await send.send(reply)

    with unwrap_exception_group():
        async with receive, anyio.create_task_group() as tasks:
            tasks.start_soon(generate)
            yield receive
            tasks.cancel_scope.cancel()
