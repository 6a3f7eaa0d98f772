"""`openai:NAME[@URL]` and its shorthands: any endpoint that speaks the chat completions protocol."""

from __future__ import annotations

import codecs
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, ClassVar, Literal, NoReturn, TypeVar

import aiohttp

from ...bounded_json import BeyondLimit, read_json
from ...call_context import current
from ...contract import Model, Reply, Request, Usage
from ...errors import EndpointUnfit, MissingKey
from ...events import Delta, Listener
from ...model_names import is_renamed
from ...recipe import quote
from ...runtime import prices
from ...runtime.key_filter import KeyFilter
from ...runtime.keys import is_loopback
from ...runtime.long_texts import encode_text, in_turn, length
from ...runtime.provider import AttemptFailed, Provider
from ...runtime.runtime import active_runtime
from ...scope import note, record_first_token
from . import dialects, endpoint_errors, wire_format
from .connection_pools import connection_pool, proxy_for
from .endpoint_errors import EndpointMemory
from .endpoint_presets import ENDPOINT_PRESETS, EndpointAddress, EndpointTarget, resolve_endpoint
from .reply_assembler import Malformed, ReplyAssembler, parse_usage

MAX_REPLY_BYTES = 64_000_000
Refuse = Callable[[int, str], NoReturn]
T = TypeVar("T")
Read = Callable[[aiohttp.ClientResponse, EndpointAddress], Awaitable[T]]


def load(kind: str, rest: str) -> Model:
    """A model behind an endpoint. Raises RecipeError, MissingKey."""
    return Endpoint(resolve_endpoint(kind, rest))


class Endpoint(Provider):
    """Streams when somebody listens, otherwise asks for the whole reply. Keys and URLs are used in turn."""

    seeded: ClassVar[Literal["exact", "best_effort", "none"]] = "best_effort"

    def __init__(self, target: EndpointTarget) -> None:
        self.target = target
        self._keys = tuple(dict.fromkeys(key for address in target.addresses for key in address.keys))
        self._turns = itertools.count()
        self._bad_keys: set[str] = set()

    @property
    def name(self) -> str:
        return quote(self.target.spec)

    def identity(self) -> str:
        return f"{' '.join(sorted(self.target.urls))} {self.target.model}"

    def endpoint(self) -> str:
        return self.identity()

    def keys(self) -> tuple[str, ...]:
        return self._keys

    def usd(self, usage: Usage) -> float | None:
        return self._usd(self.target.model, usage)

    def _usd(self, model: str, usage: Usage) -> float | None:
        if self.target.is_free:
            return 0.0
        if any(map(is_loopback, self.target.urls)):
            return None  # known to no table of prices, which takes half a second to load
        return prices.usd(model, self.target.urls[0], usage)

    def reply_usd(self, reply: Reply) -> float | None:
        """At the price of the model that answered: an id that was retired may be redirected to another model."""
        renamed = is_renamed(self.target.model, reply.answered_by)
        return self._usd(reply.answered_by if renamed else self.target.model, reply.usage)

    async def generate(self, request: Request) -> Reply:
        reply = await super().generate(request)
        if is_renamed(self.target.model, reply.answered_by):
            note(f"{self.name}: the endpoint answered as {reply.answered_by}")
        return reply

    async def send(self, request: Request, attempt: str) -> Reply:
        body = wire_format.request_body(self.target.model, request)
        if current().listener:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        body = endpoint_errors.without_refused_settings(body, self.target, own_seed=current().path == ())

        async def read(response: aiohttp.ClientResponse, address: EndpointAddress) -> Reply:
            return await self._read(response, body, request, address)

        return await self._exchange("chat/completions", body, length(request), attempt, read)

    async def _exchange(self, path: str, body: dict[str, Any], size: int, attempt: str, read: Read[T]) -> T:
        """What `read` makes of the answer to `body`, which has about `size` characters, at one of the addresses."""
        turn = next(self._turns)
        address = self.target.addresses[turn % len(self.target.addresses)]
        keys = [key for key in address.keys if key not in self._bad_keys]
        key = keys[turn // len(self.target.addresses) % len(keys)] if keys else None
        headers = {"Content-Type": "application/json", "X-Client-Request-Id": attempt}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        if observer := current().observer:
            headers |= observer.sends(address.url)
        try:
            result = await self._post(address, f"{address.url}/{path}", headers, body, size, read)
        except MissingKey:
            if key is None or len(keys) < 2:
                raise
            self._bad_keys.add(key)
            raise AttemptFailed("the endpoint refused one of the keys", after=0.0) from None
        active_runtime().get(EndpointMemory).answered.add(address.url)
        return result

    async def _post(
        self, address: EndpointAddress, url: str, headers: dict[str, str], body: dict[str, Any], size: int,
        read: Read[T],
    ) -> T:  # fmt: skip
        data = await in_turn(size, lambda: encode_text(body, size).encode())
        session = await connection_pool()
        try:
            async with session.post(
                url, data=data, headers=headers, allow_redirects=False, proxy=proxy_for(url)
            ) as response:
                return await read(response, address)
        except aiohttp.ClientConnectorError as error:
            words = f"nothing answers at {url} ({error.os_error.strerror or 'no connection'})"
            if address.url in active_runtime().get(EndpointMemory).answered:
                raise AttemptFailed(words) from None
            raise EndpointUnfit(f"{words}; start the endpoint, or check its URL") from None
        except Malformed as error:
            raise AttemptFailed(f"{self.target.spec}: {error}", unsettled=True, final=not error.failed) from None
        except TimeoutError:
            raise AttemptFailed(
                f"{self.target.spec} was silent for too long, or came to no end", unsettled=True
            ) from None
        except (aiohttp.ClientError, OSError) as error:
            words = f"{self.target.spec}: the connection broke ({type(error).__name__})"
            raise AttemptFailed(words, unsettled=True) from None

    async def _read(
        self, response: aiohttp.ClientResponse, body: dict[str, Any], request: Request, address: EndpointAddress
    ) -> Reply:
        """The reply in an answer. Raises what an error in it stands for, whatever its HTTP status."""

        def refuse(status: int, text: str) -> NoReturn:
            endpoint_errors.raise_for_error(status, response.headers, text, body, self.target, address.without_key)

        if response.status != 200:
            refuse(response.status, (await response.content.read(100_000)).decode(errors="replace"))
        listener, keys = current().listener, active_runtime().get(KeyFilter, self._keys)
        if body.get("stream") and listener and "json" not in response.content_type:
            assembler = await _read_stream(response, listener, ReplyAssembler(request, self._held()), refuse, keys)
        else:
            assembler = ReplyAssembler(request)
            completion = await parse_body(await read_body(response), address.url)
            if endpoint_errors.error_inside(completion):
                refuse(200, json.dumps(completion, ensure_ascii=False))
            if not isinstance(completion, dict) or not completion.get("choices"):
                raise Malformed(f"the reply holds no choice: {str(completion)[:200]}")
            _notify_observer(completion, keys)
            assembler.add(completion)
            _, thinking = assembler.finish()
            if listener:
                await _tell(listener, assembler.gate.text, thinking)
        reply = assembler.reply()
        self._learn(assembler)
        return reply

    async def _read_rows(
        self, response: aiohttp.ClientResponse, body: dict[str, Any], address: EndpointAddress, rows: str
    ) -> tuple[Any, Usage]:
        """The JSON of an answer that is no chat, and what it says was used. Raises what an error in it stands for: one
        inside HTTP 200 is an error where there are no `rows`."""

        def refuse(status: int, text: str) -> NoReturn:
            endpoint_errors.raise_for_error(status, response.headers, text, body, self.target, address.without_key)

        data = await read_body(response)
        if response.status != 200:
            refuse(response.status, data[:100_000].decode(errors="replace"))
        payload = await parse_body(data, address.url)
        if endpoint_errors.error_inside(payload) and not payload.get(rows):
            refuse(200, json.dumps(payload, ensure_ascii=False))
        usage = payload.get("usage") if isinstance(payload, dict) else None
        return payload, parse_usage({"completion_tokens": 0, **usage} if isinstance(usage, dict) else None)

    def _held(self) -> int | None:
        """How much of a stream is held back until it is known that it does not begin with thoughts."""
        known = active_runtime().get(EndpointMemory).opens_thoughts.get((self.target.urls[0], self.target.model))
        if known or (known is None and any(preset.owns(self.target.urls[0]) for preset in ENDPOINT_PRESETS.values())):
            return None if known else 0  # the providers themselves tell thoughts and answer apart
        if dialects.THINKING_MODELS.search(self.target.model.lower()):
            return None
        return dialects.HELD_CHARACTERS if known is None else 0

    def _learn(self, assembler: ReplyAssembler) -> None:
        memory, place = active_runtime().get(EndpointMemory), (self.target.urls[0], self.target.model)
        memory.opens_thoughts[place] = memory.opens_thoughts.get(place, False) or assembler.opened_by_template


async def read_body(response: aiohttp.ClientResponse) -> bytes:
    data = bytearray()
    async for chunk in response.content.iter_any():
        data += chunk
        if len(data) > MAX_REPLY_BYTES:
            raise Malformed(f"the reply is larger than {MAX_REPLY_BYTES:,} bytes")
    return bytes(data)


def _notify_observer(payload: Any, keys: KeyFilter) -> None:
    if (observer := current().observer) and isinstance(payload, dict):
        names = {name: keys.text(text) for name in ("id", "model") if isinstance(text := payload.get(name), str)}
        observer.answered(names)


def _parse_json(data: bytes, url: str) -> Any:
    try:
        return read_json(data)
    except BeyondLimit as error:  # asking again would bring the same
        raise Malformed(f"the reply cannot be read: {error}") from None
    except ValueError:
        _refuse_web_page(data, url)
        raise Malformed(f"the reply is not JSON: {data[:80]!r}", failed=True) from None


async def parse_body(data: bytes, url: str) -> Any:
    return await in_turn(len(data), lambda: _parse_json(data, url))


def _refuse_web_page(data: bytes, url: str) -> None:
    if data.lstrip()[:1] == b"<":
        raise EndpointUnfit(f"{url} answers with a web page; the URL of an endpoint often ends in /v1: check it")


async def _tell(listener: Listener, text: str, thinking: str) -> None:
    if thinking:
        await listener(Delta(thinking, thinking=True))
    if text:
        await listener(Delta(text))


async def _read_stream(
    response: aiohttp.ClientResponse, listener: Listener, assembler: ReplyAssembler, refuse: Refuse, keys: KeyFilter
) -> ReplyAssembler:
    if "html" in response.content_type:
        _refuse_web_page(await read_body(response), str(response.url).removesuffix("/chat/completions"))
    begun = False
    try:
        async for chunk in _chunks(response, assembler, refuse, keys):
            pieces = assembler.add(chunk)
            if assembler.has_begun and not begun:
                begun = True
                record_first_token()  # before anything is held back
            await _tell(listener, *pieces)
    except (Malformed, aiohttp.ClientError, TimeoutError, OSError):
        await _tell(listener, assembler.break_off(), "")
        raise
    await _tell(listener, *assembler.finish())
    return assembler


async def _chunks(
    response: aiohttp.ClientResponse, assembler: ReplyAssembler, refuse: Refuse, keys: KeyFilter
) -> AsyncIterator[Any]:
    """The chunks of a stream up to its end. Raises what an error among them stands for."""
    observed = False
    async for data in _server_sent_events(response):
        if data == "[DONE]":
            return
        try:
            chunk = read_json(data)
        except BeyondLimit as error:
            raise Malformed(f"an event of the stream cannot be read: {error}") from None
        except ValueError:
            raise Malformed(f"an event of the stream is not JSON: {data[:80]!r}", failed=True) from None
        if not isinstance(chunk, dict):
            raise Malformed(f"an event of the stream is not a chunk: {data[:80]!r}")
        if endpoint_errors.error_inside(chunk) or set(chunk) == {"code", "message", "type"}:
            if assembler.has_begun:
                raise Malformed(f"the stream broke off: {endpoint_errors.read_error(200, data).words}", failed=True)
            refuse(200, data)
        if not observed:
            _notify_observer(chunk, keys)
            observed = True
        yield chunk
    if not assembler.has_ended:
        raise Malformed("the stream ended before its reply did", failed=True)


async def _server_sent_events(response: aiohttp.ClientResponse) -> AsyncIterator[str]:
    """The data of each server-sent event (WHATWG HTML, 9.2): lines joined, comments and other fields left out."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    line_so_far, data, size = list[str](), list[str](), 0  # a line may come in thousands of pieces
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > MAX_REPLY_BYTES:
            raise Malformed(f"the stream is larger than {MAX_REPLY_BYTES:,} bytes")
        line_so_far.append(decoder.decode(chunk))
        if "\n" not in line_so_far[-1]:
            continue
        *lines, rest = "".join(line_so_far).replace("\r\n", "\n").split("\n")
        line_so_far = [rest]
        for line in lines:
            if line.startswith(("data:", "error:")):  # llama.cpp names an error so
                data.append(line.partition(":")[2].removeprefix(" "))
            elif not line and data:
                yield "\n".join(data)
                data = []
    unfinished = "".join(line_so_far)
    if unfinished.startswith("data:"):
        data.append(unfinished[5:].removeprefix(" "))
    if data:
        yield "\n".join(data)
