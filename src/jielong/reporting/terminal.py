r"""The one door to the terminal, through which texts pass as texts and never as commands.

A terminal obeys what it is sent: it sets the clipboard, rewrites lines, answers as if keys were pressed. Models, tools,
pages, endpoints and other people's files say what they like, so each character that a terminal obeys, or that turns the
order of letters around, is written as `\u001b`: what it was can be seen, and JSON reads it back. So it is with all that
`print` writes to standard error, and to standard output where that is a terminal; in a file or a pipe the answer is the
model's own text. JSON is written so everywhere.
"""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console

# Controls of ASCII and of ISO 6429 but for tabs and line ends, separators of lines, what embeds or overrides a
# direction (UAX #9), and halves of surrogates, which no terminal is sent at all.
_COMMAND = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]|\r(?!\n)")


def visible(text: str) -> str:
    """The text, with each character that is a command in a form that can be seen."""
    if text.isprintable():
        return text
    return _COMMAND.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def print_json(document: Any, indent: int | None = None) -> None:
    print(visible(json.dumps(document, ensure_ascii=False, indent=indent)))  # noqa: T201


class _PlainText(io.TextIOWrapper):
    """`terminal` is the stream itself, for codes of our own."""

    terminal: TextIO

    def write(self, text: str) -> int:
        super().write(visible(text))
        return len(text)


@contextmanager
def plain_output() -> Iterator[None]:
    """Inside, what is printed is text, also a sequence that comes in pieces: none of its characters passes."""
    with ExitStack() as stack:
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if isinstance(stream, io.TextIOWrapper) and (name == "stderr" or stream.isatty()):
                stack.enter_context(_replaced(name, stream))
        yield


@contextmanager
def _replaced(name: str, stream: io.TextIOWrapper) -> Iterator[None]:
    stream.flush()
    plain = _PlainText(
        stream.buffer, stream.encoding, stream.errors, line_buffering=stream.line_buffering, write_through=True
    )
    plain.terminal = stream
    setattr(sys, name, plain)
    try:
        yield
    finally:
        setattr(sys, name, stream)
        with suppress(OSError, ValueError):  # nobody reads it any more
            plain.detach()


def console(*, stderr: bool) -> Console:
    """rich's console: its own codes reach the terminal, the texts in them are plain, and markup is none."""
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.segment import Segment

    class PlainConsole(Console):
        def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
            for segment in super().render(renderable, options):
                yield segment if segment.control else Segment(visible(segment.text), segment.style)

    stream = sys.stderr if stderr else sys.stdout
    return PlainConsole(
        file=getattr(stream, "terminal", stream), stderr=stderr, markup=False, emoji=False, highlight=False
    )
