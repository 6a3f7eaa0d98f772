"""`jielong next`: the chain of tokens made visible: what may come next and how likely, extended by keypress."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Sequence

import anyio
import click
from rich.cells import cell_len, chop_cells

from ..contract import Message, Model, NextToken, Request
from ..errors import Unsupported
from ..models.next_token import ShowsNextTokens
from ..recipe import RecipeNode, build, parse
from ..reporting.terminal import console, print_json
from . import options
from .capture_request import capture_first_request
from .keyboard import single_keys
from .messages import localized

BAR, MAX_ROWS = 30, 9
_WORD = r"[\u2e80-\uffff]\s*|[^\s\u2e80-\uffff]+\s*|\s+"


@click.command(help=localized("help.next"))
@options.question
@options.model
@click.option("-k", "--top", type=click.IntRange(1, MAX_ROWS), default=5, show_default=True,
              help=localized("option.top"))  # fmt: skip
@click.option("--steps", type=click.IntRange(0), default=0, help=localized("option.steps"))
@options.as_json
def next_(text: str, model: str, top: int, steps: int, as_json: bool) -> None:
    anyio.run(_show, model, text, top, steps, as_json)


async def _show(recipe: str, question: str, top: int, steps: int, as_json: bool) -> None:
    node = parse(recipe)
    base: Model = build(RecipeNode(node.spec, node.quoted))
    if not isinstance(base, ShowsNextTokens):
        raise Unsupported(f"{base.name} does not show its probabilities token by token; use mini or local:FOLDER")
    request, _ = await capture_first_request(recipe, Request((Message("user", question),)))
    chain: list[NextToken] = []
    rows = await _next(base, request, chain, top)
    while rows and len(chain) < steps:
        chain.append(rows[0])
        rows = await _next(base, request, chain, top)
    if as_json:
        document = {"model": base.name, "chain": _as_json(chain), "next": _as_json(rows)}
        print_json(document)
    elif not sys.stdin.isatty() or not sys.stdout.isatty():
        print(chain_text(request, chain, rows))
    else:
        await _by_keypress(base, request, chain, top)


def _as_json(tokens: Sequence[NextToken]) -> list[dict[str, object]]:
    return [{"token": token.text, "probability": round(token.probability, 6)} for token in tokens]


async def _next(model: ShowsNextTokens, request: Request, chain: list[NextToken], top: int) -> tuple[NextToken, ...]:
    is_over = chain and chain[-1].ends
    return () if is_over else await model.next_tokens(request, [token.token for token in chain], top)


async def _by_keypress(model: ShowsNextTokens, request: Request, chain: list[NextToken], top: int) -> None:
    with single_keys() as next_key:
        while True:
            rows = await _next(model, request, chain, top)
            width = shutil.get_terminal_size().columns
            keys = _wrapped(re.findall(r".+?(?: · |$)", localized("next.keys", n=len(rows))), width)
            console(stderr=False).clear()
            print(chain_text(request, chain, rows, width) + "\n\n" + keys)
            key = next_key()
            if key in ("q", "\x1b", "\x03", "\x04"):
                return
            if key in ("\x7f", "\x08", "b", "\x1b[D"):
                del chain[-1:]
            elif rows and key in (" ", "\r", "\n", "\x1b[C"):
                chain.append(rows[0])
            elif rows and key.isdecimal() and 0 < int(key) <= len(rows):
                chain.append(rows[int(key) - 1])


def chain_text(request: Request, chain: Sequence[NextToken], rows: Sequence[NextToken], width: int = 1_000_000) -> str:
    """The request, the chain with its tokens set apart, and a bar for each token that may follow; in lines of at most
    `width` columns, with whole words."""
    lines = [line for message in request.messages for line in f"[{message.role}] {message.text}".split("\n")]
    question = "\n".join(_wrapped(re.findall(_WORD, line), width) for line in lines)
    words: list[str] = []
    for token in map(visible_token, chain):
        if words and _inside_word(words[-1][-1:]) and _inside_word(token[:1]):
            words[-1] += f"│{token}"
        else:
            words.append(token)
    reply = _wrapped(["[assistant] ", *(f"{word}│" for word in words[:-1]), *words[-1:]], width)
    bar = max(1, min(BAR, width - 14 - max((cell_len(visible_token(row)) for row in rows), default=0)))
    bars = [
        f"{number}  {'█' * round(bar * row.probability) or '▏':<{bar}} "
        f"{100 * row.probability:6.2f} %  {visible_token(row)}"
        for number, row in enumerate(rows, 1)
    ]
    return "\n".join([question, reply, "", *bars]).rstrip()


def _inside_word(character: str) -> bool:
    return character.isalnum() and character < "\u2e80"  # a Chinese character is a word of its own


def _wrapped(pieces: Sequence[str], width: int) -> str:
    """The pieces in lines; one that is wider than a line is cut."""
    lines = [""]
    for piece in pieces:
        if lines[-1] and cell_len(lines[-1] + piece.rstrip()) > width:
            lines.append("")
        first, *others = chop_cells(piece, width) if cell_len(piece.rstrip()) > width else [piece]
        lines[-1] += first
        lines += others
    return "\n".join(line.rstrip() for line in lines)


def visible_token(token: NextToken) -> str:
    """Spaces and line ends can be seen; a token that is half a character is shown as its number."""
    if not token.text or "\ufffd" in token.text:
        return f"‹{token.token}›"
    return token.text.replace(" ", "␣").replace("\n", "⏎")
