"""One attempt of a local model: a job for the batcher, its pieces to the listener, its tokens counted."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from ..context import current
from ..contract import Message, Reply, Request, Usage
from ..errors import TooLong
from ..events import Delta
from .chat_template import ChatTemplate
from .continuous_batching import Batcher, GeneratedTokens, Job
from .token_sampling import Sampler


async def draw(
    name: str,
    chat: ChatTemplate,
    batcher: Batcher,
    request: Request,
    *,
    default_temperature: float,
    end: frozenset[int],
) -> Reply:
    """Draw the reply to `request`. An unset max_tokens is what the context leaves.

    Raises Unsupported for what the checkpoint has no form for, TooLong for a request longer than the context.
    """
    prompt = chat.prompt(request)
    room = batcher.context - len(prompt)
    if room < 1:
        raise TooLong(f"{name} reads {batcher.context} tokens and the request has {len(prompt)}; shorten it")
    job = Job(
        prompt,
        Sampler.of(request.sampling, default_temperature),
        min(room, request.sampling.max_tokens or room),
        end,
        lambda tokens: "" if chat.is_call(tokens) else chat.text_of(tokens),
        request.sampling.stop,
        request.sampling.logprobs,
        guide=chat.guide(request, end),
    )
    drawn = await _heard(batcher, job)
    usage = Usage(input_tokens=len(prompt), output_tokens=len(drawn.tokens) + (drawn.finish == "stop"))
    if drawn.finish == "stop" and chat.is_call(drawn.tokens):
        return Reply(chat.message(prompt, drawn.tokens), "tool_calls", usage, logprobs=drawn.logprobs)
    return Reply(Message("assistant", drawn.text), drawn.finish, usage, logprobs=drawn.logprobs)


async def _heard(batcher: Batcher, job: Job) -> GeneratedTokens:
    loud = current().listener
    if not loud:
        return await batcher.draw(job)
    pieces: asyncio.Queue[str | None] = asyncio.Queue()
    drawing = asyncio.ensure_future(batcher.draw(replace(job, on_text=pieces.put_nowait)))
    drawing.add_done_callback(lambda done: pieces.put_nowait(None))
    try:
        while (piece := await pieces.get()) is not None:
            await loud(Delta(piece))
        return await drawing
    finally:
        drawing.cancel()
