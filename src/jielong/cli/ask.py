"""`jielong ask`: one question, its answer on standard output, as it arrives."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import anyio
import click

from .. import call_context
from ..contract import Message, Model, Reply, Request, Sampling, Step, require_answer
from ..errors import NoAnswer, Truncated
from ..events import Delta
from ..recipe import load, parse
from ..reporting.terminal import print_json
from ..runtime.home import home_folder
from ..runtime.ledger import Ledger, use_ledger
from ..runtime.ledger_json import decode_reply, encode_message, encode_request, encode_sources, encode_usage
from ..runtime.trace import trace_lines
from ..scope import Scope, scope
from . import options
from .capture_request import capture_first_request
from .messages import in_language, localized

LONGEST_WORDS = 100  # characters of a source that are printed


@click.command(help=localized("help.ask"))
@options.question
@options.model
@click.option("--temperature", type=float)
@click.option("--max-tokens", type=click.IntRange(1))
@click.option("--seed", type=int)
@click.option("--show", is_flag=True, help=localized("option.show"))
@click.option("--trace", is_flag=True, help=localized("option.trace"))
@options.as_json
def ask(
    text: str,
    model: str,
    temperature: float | None,
    max_tokens: int | None,
    seed: int | None,
    show: bool,
    trace: bool,
    as_json: bool,
) -> None:
    sampling = Sampling(temperature=temperature, max_tokens=max_tokens, seed=seed)
    request = Request((Message("user", text),), sampling)
    if show:
        _show(model, request, as_json)
    else:
        in_recipe = [str(_spec(value)) for step in parse(model).steps for n, value in step.options if n == "max_tokens"]
        limit = str(max_tokens) if max_tokens else in_recipe[-1] if in_recipe else None
        anyio.run(_ask, load(model), request, limit, trace, as_json)


def _spec(value: object) -> object:
    return getattr(value, "spec", "")


async def _ask(model: Model, request: Request, limit: str | None, trace: bool, as_json: bool) -> None:
    """`limit`: the most tokens of a reply, where the user set one: what was cut off there is what was asked for."""
    with use_ledger(home_folder() / "ledger.db") as ledger, printing_notes() as spent:
        try:
            reply = await (model.generate(request) if as_json else print_answer(model, request))
        except (Truncated, NoAnswer):  # of a technique, which never takes a reply that was cut off for an answer
            cut = _last_cut_reply(spent, ledger) if limit else None
            if cut is None:
                raise
            reply = cut
            if not as_json:
                print(reply.text)
        if as_json:
            usage = encode_usage(replace(reply.usage, seconds=0.0))  # the same reply prints the same document
            document = {"model": model.name, **encode_message(reply.message), "finish": reply.finish, "usage": usage}
            print_json({**document, "sources": encode_sources(reply)} if reply.sources else document)
        else:
            print_sources(reply)
        if trace:
            print("\n".join(trace_lines(reply, ledger)), file=sys.stderr)
    if reply.finish == "length" and limit:
        print(localized("ask.cut", limit=limit), file=sys.stderr)
    else:
        require_answer(reply)


@contextmanager
def printing_notes() -> Iterator[Scope]:
    """What was filled in or left out inside the block is printed at its end."""
    observer = call_context.current().observer  # for which this is no step of its own
    with call_context.replace(observer=None), scope("ask") as spent, call_context.replace(observer=observer):
        try:
            yield spent
        finally:
            for note in spent.notes:
                print(in_language(note), file=sys.stderr)


def print_sources(reply: Reply) -> None:
    """What the reply cites, a line for each source, with the beginning of its words."""
    for source in reply.sources:
        where = source.document
        if source.page is not None:
            where = localized("ask.page", document=where, page=source.page)
        elif source.line is not None:
            where = f"{where}:{source.line}"
        words = " ".join(source.text.split())
        words = words if len(words) <= LONGEST_WORDS else words[:LONGEST_WORDS] + "…"
        print(localized("ask.source", n=source.number or "–", where=where, words=words), file=sys.stderr)


def _last_cut_reply(spent: Scope, ledger: Ledger) -> Reply | None:
    """The last reply that came, with all that was spent; None unless every reply was cut off."""
    keys = [step.call for step in _calls(tuple(spent.steps))]
    rows = [row for key in keys if key and (row := ledger.reply(key))]
    replies = [decode_reply(row.reply) for row in rows if row.reply and "message" in row.reply]
    if not replies or any(reply.finish != "length" for reply in replies):
        return None
    return replace(replies[-1], usage=spent.usage, steps=tuple(spent.steps))


def _calls(steps: tuple[Step, ...]) -> Iterator[Step]:
    for step in steps:
        yield step
        yield from _calls(step.steps)


async def print_answer(model: Model, request: Request) -> Reply:
    """Prints the answer as it arrives."""
    async with model.stream(request) as events:
        async for event in events:
            if isinstance(event, Delta) and not event.thinking:
                print(event.text, end="", flush=True)
            if isinstance(event, Reply):
                print()
                return event
    raise AssertionError("a stream ends with its reply")


def _show(recipe: str, request: Request, as_json: bool) -> None:
    first_request, max_calls = anyio.run(capture_first_request, recipe, request)
    if as_json:
        document = {**encode_request(first_request), "max_calls": max_calls}
        print_json(document, indent=1)
        return
    print(localized("ask.bound", calls=max_calls), file=sys.stderr)
    for message in first_request.messages:
        print(f"[{message.role}]\n{message.text}\n")
