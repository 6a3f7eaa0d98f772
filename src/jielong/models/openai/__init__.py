"""`openai:NAME[@URL]` and its shorthands: any endpoint that speaks the chat completions protocol."""

from __future__ import annotations

import codecs
import itertools
import json
from collections.abc import AsyncIterator
from typing import Any, ClassVar, Literal

import aiohttp

from ...context import current
from ...contract import Model, Reply, Request, Usage
from ...errors import EndpointUnfit, MissingKey
from ...events import Delta, Listener
from ...recipe import quote
from ...runtime import prices
from ...runtime.provider import AttemptFailed, Provider
from ...runtime.runtime import active_runtime
from . import endpoint_errors, wire_format
from .connection_pools import connection_pool
from .endpoint_errors import EndpointMemory
from .endpoint_presets import EndpointTarget, is_local, resolve_endpoint

MAX_REPLY_BYTES = 64_000_000


def load(kind: str, rest: str) -> Model:
    """A model behind an endpoint. Raises RecipeError, MissingKey."""
    return Endpoint(resolve_endpoint(kind, rest))


class Endpoint(Provider):
    """Streams when somebody listens, otherwise asks for the whole reply. Keys and URLs are used in turn."""

    seeded: ClassVar[Literal["exact", "best_effort", "none"]] = "best_effort"

    def __init__(self, target: EndpointTarget) -> None:
        self.target = target
        self._turns = itertools.count()
        self._bad_keys: set[str] = set()

    @property
    def name(self) -> str:
        return quote(self.target.spec)

    def identity(self) -> str:
        return f"{' '.join(sorted(self.target.urls))} {self.target.model}"

    def endpoint(self) -> str:
        return self.identity()

    def usd(self, usage: Usage) -> float | None:
        if is_local(self.target.urls):
            return 0.0
        return prices.usd(self.target.model, self.target.urls[0], usage)

    async def send(self, request: Request, attempt: str) -> Reply:
        turn = next(self._turns)
        url = self.target.urls[turn % len(self.target.urls)]
        key = self._key(turn)
        listener = current().listener
        body = wire_format.request_body(self.target.model, request)
        if listener:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        body = endpoint_errors.without_refused_settings(body, self.target, own_seed=current().path == ())
        headers = {"Content-Type": "application/json", "X-Client-Request-Id": attempt}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        if observer := current().observer:
            headers |= observer.sends(url)
        try:
            reply = await self._post(f"{url}/chat/completions", headers, body, listener)
        except MissingKey:
            if key is None or len(self._keys()) < 2:
                raise
            self._bad_keys.add(key)
            raise AttemptFailed("the endpoint refused one of the keys", after=0.0) from None
        active_runtime().get(EndpointMemory).answered.add(url)
        return reply

    def _keys(self) -> list[str]:
        return [key for key in self.target.keys if key not in self._bad_keys]

    def _key(self, turn: int) -> str | None:
        keys = self._keys()
        return keys[turn % len(keys)] if keys else None

    async def _post(self, url: str, headers: dict[str, str], body: dict[str, Any], listener: Listener | None) -> Reply:
        data = json.dumps(body, ensure_ascii=False).encode()
        session = await connection_pool()
        try:
            async with session.post(url, data=data, headers=headers, allow_redirects=False) as response:
                if response.status != 200:
                    text = (await response.content.read(100_000)).decode(errors="replace")
                    endpoint_errors.raise_for_status(response.status, response.headers, text, body, self.target)
                if listener:
                    return await _read_stream(response, listener)
                return wire_format.parse_reply(_notify_observer(_parse_json(await _read_body(response))))
        except aiohttp.ClientConnectorError as error:
            words = f"nothing answers at {url} ({error.os_error.strerror or 'no connection'})"
            if url.removesuffix("/chat/completions") in active_runtime().get(EndpointMemory).answered:
                raise AttemptFailed(words) from None
            raise EndpointUnfit(f"{words}; start the endpoint, or check its URL") from None
        except wire_format.Malformed as error:
            raise AttemptFailed(f"{self.target.spec}: {error}", unsettled=True) from None
        except TimeoutError:
            raise AttemptFailed(f"{self.target.spec} was silent for too long", unsettled=True) from None
        except (aiohttp.ClientError, OSError) as error:
            words = f"{self.target.spec}: the connection broke ({type(error).__name__})"
            raise AttemptFailed(words, unsettled=True) from None


async def _read_body(response: aiohttp.ClientResponse) -> bytes:
    data = bytearray()
    async for chunk in response.content.iter_any():
        data += chunk
        if len(data) > MAX_REPLY_BYTES:
            raise wire_format.Malformed(f"the reply is larger than {MAX_REPLY_BYTES:,} bytes")
    return bytes(data)


def _notify_observer(payload: Any) -> Any:
    if (observer := current().observer) and isinstance(payload, dict):
        observer.answered(payload)
    return payload


def _parse_json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        raise wire_format.Malformed(f"the reply is not JSON: {data[:80]!r}") from None


async def _read_stream(response: aiohttp.ClientResponse, listener: Listener) -> Reply:
    if "json" in response.content_type:
        reply = wire_format.parse_reply(_notify_observer(_parse_json(await _read_body(response))))
        await listener(Delta(reply.text))
        return reply
    assembler, observed = wire_format.StreamAssembler(), False
    async for data in _server_sent_events(response):
        if data == "[DONE]":
            break
        try:
            chunk = json.loads(data)
        except ValueError:
            raise wire_format.Malformed(f"an event of the stream is not JSON: {data[:80]!r}") from None
        if "error" in chunk:
            raise wire_format.Malformed(f"the stream broke off: {str(chunk['error'])[:200]}")
        if not observed:
            _notify_observer(chunk)
            observed = True
        text, thinking = assembler.add(chunk)
        if thinking:
            await listener(Delta(thinking, thinking=True))
        if text:
            await listener(Delta(text))
    return assembler.reply()


async def _server_sent_events(response: aiohttp.ClientResponse) -> AsyncIterator[str]:
    """The data of each server-sent event (WHATWG HTML, 9.2): lines joined, comments and other fields left out."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    unfinished, data, size = "", [], 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > MAX_REPLY_BYTES:
            raise wire_format.Malformed(f"the stream is larger than {MAX_REPLY_BYTES:,} bytes")
        *lines, unfinished = (unfinished + decoder.decode(chunk)).replace("\r\n", "\n").split("\n")
        for line in lines:
            if line.startswith("data:"):
                data.append(line[5:].removeprefix(" "))
            elif not line and data:
                yield "\n".join(data)
                data = []
    if unfinished.startswith("data:"):
        data.append(unfinished[5:].removeprefix(" "))
    if data:
        yield "\n".join(data)
