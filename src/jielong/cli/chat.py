"""`jielong chat`: a conversation; the history goes to the model as messages."""

from __future__ import annotations

import sys

import anyio
import click

from ..contract import Message, Model, Reply, Request
from ..errors import SampleError
from ..recipe import load
from ..runtime.ledger import home_folder, use_ledger
from . import options
from .ask import print_answer
from .messages import in_language, localized


@click.command(help=localized("help.chat"))
@options.model
def chat(model: str) -> None:
    loaded = load(model)
    print(localized("chat.hello", model=loaded.name), file=sys.stderr)
    history: tuple[Message, ...] = ()
    while line := _read_line():
        messages = (*history, Message("user", line))
        try:
            reply = anyio.run(_answer, loaded, Request(messages))
        except SampleError as error:
            print(f"jielong: {in_language(str(error))}", file=sys.stderr)
            continue
        history = (*messages, reply.message)


def _read_line() -> str:
    try:
        return input("> ").strip()
    except EOFError:
        return ""


async def _answer(model: Model, request: Request) -> Reply:
    with use_ledger(home_folder() / "ledger.db"):
        return await print_answer(model, request)
