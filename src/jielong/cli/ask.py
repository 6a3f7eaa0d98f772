"""`jielong ask`: one question, its answer on standard output, as it arrives."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import anyio
import click

from ..contract import Message, Model, Reply, Request, Sampling, require_answer
from ..events import Delta
from ..recipe import load
from ..runtime.ledger import home_folder, use_ledger
from ..runtime.ledger_json import encode_message, encode_request, encode_usage
from ..runtime.trace import trace_lines
from . import options
from .capture_request import capture_first_request
from .messages import localized


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
        anyio.run(_ask, load(model), request, trace, as_json)


async def _ask(model: Model, request: Request, trace: bool, as_json: bool) -> None:
    with use_ledger(home_folder() / "ledger.db") as ledger:
        reply = await (model.generate(request) if as_json else print_answer(model, request))
        if as_json:
            usage = encode_usage(replace(reply.usage, seconds=0.0))  # the same reply prints the same document
            document = {"model": model.name, **encode_message(reply.message), "finish": reply.finish, "usage": usage}
            print(json.dumps(document, ensure_ascii=False))
        if trace:
            print("\n".join(trace_lines(reply, ledger)), file=sys.stderr)
    require_answer(reply)


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
        print(json.dumps(document, ensure_ascii=False, indent=1))
        return
    print(localized("ask.bound", calls=max_calls), file=sys.stderr)
    for message in first_request.messages:
        print(f"[{message.role}]\n{message.text}\n")
