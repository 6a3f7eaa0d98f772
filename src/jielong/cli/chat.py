"""`jielong chat`: a conversation; the history goes to the model as messages. `/help` lists the commands."""

from __future__ import annotations

import sys
from contextlib import suppress

import anyio
import click

from ..contract import Message, Model, Reply, Request, require_answer
from ..errors import JielongError, SampleError
from ..recipe import load
from ..runtime.home import home_folder
from ..runtime.ledger import use_ledger
from . import options
from .ask import print_answer, print_sources, printing_notes
from .messages import in_language, localized

with suppress(ImportError):  # Windows: its console has a history of its own
    import readline  # noqa: F401  # from now on `input` knows arrow keys and earlier lines

_COMMANDS, _ENDS = ("/help", "/reset", "/quit"), ("/quit", "/exit", "/bye")


@click.command(help=localized("help.chat"))
@options.model
def chat(model: str) -> None:
    loaded = load(model)
    _tell(localized("chat.hello", model=loaded.name))
    history: tuple[Message, ...] = ()
    while (line := _read_line()) is not None and line not in _ENDS:
        if line == "/reset":
            history = ()
            _tell(localized("chat.reset"))
        elif line == "/help":
            _tell(localized("chat.help"))
        elif line.startswith("/") and line[1:].isalpha():  # "/usr/bin is …" is no command
            _tell(localized("chat.unknown", command=line, commands=", ".join(_COMMANDS)))
        elif line:
            history = _turn(loaded, (*history, Message("user", line))) or history


def _tell(words: str) -> None:
    print(words, file=sys.stderr)


def _read_line() -> str | None:
    """None at the end of the input. Whoever pipes lines in wants the answers alone."""
    try:
        return input("> " if sys.stdin.isatty() else "").strip()
    except EOFError:
        return None


def _turn(model: Model, messages: tuple[Message, ...]) -> tuple[Message, ...] | None:
    """The conversation with its next reply; None where there was none, so that the line can be sent again."""
    try:
        reply = anyio.run(_answer, model, Request(messages))
        if reply.finish == "length":  # it was read as far as it came, and the conversation can go on from there
            _tell(localized("chat.cut"))
        else:
            require_answer(reply)
        return (*messages, reply.message)
    except KeyboardInterrupt:
        _tell(localized("chat.stopped"))
    except JielongError as error:
        if not (sys.stdin.isatty() or isinstance(error, SampleError)):
            raise
        _tell(f"jielong: {in_language(str(error))}")
    return None


async def _answer(model: Model, request: Request) -> Reply:
    with use_ledger(home_folder() / "ledger.db"), printing_notes():
        reply = await print_answer(model, request)
        print_sources(reply)
        return reply
