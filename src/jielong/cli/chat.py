"""`jielong chat`: a conversation; the history goes to the model as messages."""

from __future__ import annotations

import sys

import anyio
import click

from ..contract import Message, Model, Reply, Request
from ..errors import SampleError
from ..events import Delta
from ..recipe import load
from ..runtime.ledger import home_folder, use_ledger
from . import options
from .messages import localized


@click.command(help=localized("help.chat"))
@options.model
def chat(model: str) -> None:
    talking = load(model)
    print(localized("chat.hello", model=talking.name), file=sys.stderr)
    history: tuple[Message, ...] = ()
    while line := _line():
        asked = (*history, Message("user", line))
        try:
            reply = anyio.run(_answer, talking, Request(asked))
        except SampleError as error:
            print(f"jielong: {error}", file=sys.stderr)
            continue
        history = (*asked, reply.message)


def _line() -> str:
    try:
        return input("> ").strip()
    except EOFError:
        return ""


async def _answer(model: Model, request: Request) -> Reply:
    with use_ledger(home_folder() / "ledger.db"):
        async with model.stream(request) as events:
            async for event in events:
                if isinstance(event, Delta) and not event.thinking:
                    print(event.text, end="", flush=True)
                if isinstance(event, Reply):
                    print()
                    return event
    raise AssertionError("a stream ends with its reply")
