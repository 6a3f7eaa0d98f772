"""One attempt of a local model: a job for the batcher, its text streamed to the listener, its tokens counted."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from ..call_context import current
from ..contract import Message, Reply, Request, Usage
from ..errors import TooLong
from ..events import Delta
from ..runtime.runtime import active_runtime
from .chat_template import ChatTemplate
from .continuous_batching import Batcher, GeneratedTokens, GenerationJob
from .token_sampling import Sampler


async def generate_reply(
    name: str,
    chat: ChatTemplate,
    batcher: Batcher,
    request: Request,
    temperature: float,
    end: frozenset[int],
    adapter: str = "",
) -> Reply:
    """The reply to `request`. An unset temperature is `temperature`, an unset max_tokens what the context leaves.

    Raises Unsupported for what the checkpoint has no form for, TooLong for a request longer than the context.
    """
    long = chat.check_length(name, request, batcher.context)
    # Somebody else's template runs in another process, for which others must not wait either.
    in_thread = long or not chat.is_own
    prompt = await asyncio.to_thread(chat.encode_request, request) if in_thread else chat.encode_request(request)
    room = batcher.context - len(prompt)
    if room < 1:
        raise TooLong(f"{name} reads {batcher.context} tokens and the request has {len(prompt)}; shorten it")
    job = GenerationJob(
        prompt,
        Sampler.of(request.sampling, temperature),
        min(room, request.sampling.max_tokens or room),
        end,
        lambda tokens: "" if chat.is_tool_call(tokens) else chat.decode(tokens),  # a call is not part of the text
        request.sampling.stop,
        request.sampling.logprobs,
        constraint=await chat.constraint(request, end),
        decode_token=chat.decode_token,
        request=run.run if active_runtime().shared and (run := current().active_run) else "",
        adapter=adapter,
    )
    result = await _stream_to_listener(batcher, job)
    # The token that ends a reply was generated, too, and is not among the result's tokens.
    usage = Usage(input_tokens=len(prompt), output_tokens=len(result.tokens) + (result.finish == "stop"))
    if result.finish == "stop" and chat.is_tool_call(result.tokens):
        return Reply(chat.parse_reply(prompt, result.tokens), "tool_calls", usage, logprobs=result.logprobs)
    return Reply(Message("assistant", result.text), result.finish, usage, logprobs=result.logprobs)


async def _stream_to_listener(batcher: Batcher, job: GenerationJob) -> GeneratedTokens:
    listener = current().listener
    if not listener:
        return await batcher.generate(job)
    deltas: asyncio.Queue[str | None] = asyncio.Queue()
    generation = asyncio.ensure_future(batcher.generate(replace(job, on_text=deltas.put_nowait)))
    generation.add_done_callback(lambda _: deltas.put_nowait(None))
    try:
        while (delta := await deltas.get()) is not None:
            await listener(Delta(delta))
        return await generation
    finally:
        generation.cancel()
