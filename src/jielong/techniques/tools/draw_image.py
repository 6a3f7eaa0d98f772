"""draw: a picture from a description, by any endpoint of the OpenAI images protocol that the operator chose.

The picture is written to `JIELONG_HOME/pictures`, named by its content; the model and the user are given its path. The
tokens that the endpoint tells are in the usage. Its price is unknown unless the operator says what a picture costs, and
under a budget in tokens it is refused, as nobody knows beforehand how many it takes.
"""

import base64
import binascii
import hashlib
import json
from dataclasses import replace
from functools import partial
from typing import Any

import aiohttp

from ...atomic_write import temporary_beside
from ...bounded_json import read_json
from ...contract import Usage
from ...errors import BadInput, Refused
from ...models.openai import endpoint_errors
from ...models.openai.connection_pools import connection_pool, proxy_for
from ...models.openai.endpoint_presets import ENDPOINT_PRESETS, EndpointTarget, resolve_endpoint
from ...prompts import Language
from ...registry import unknown_name
from ...runtime.home import home_folder
from ...runtime.ledger_json import MAX_COUNT
from ...runtime.provider import AttemptFailed
from .read_url import body, fetch
from .tool import Arguments, Tool, ToolFailed, ToolResult, text_tool

MOST_BYTES = 64_000_000
_KINDS = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpg", b"RIFF": "webp", b"GIF8": "gif"}


def draw(model: str, *, usd: float | None = None, language: Language = "en") -> Tool:
    """The tool, asking `model`, written as in a recipe: `openai:gpt-image-1` or `openai:NAME@URL`.

    `usd`: the price of one picture; one's own (`ollama:`, `vllm:`) costs nothing. Raises MissingKey, RecipeError.
    """
    kind, _, rest = model.partition(":")
    if kind not in ENDPOINT_PRESETS:
        raise unknown_name("endpoint for draw", kind, ENDPOINT_PRESETS)
    where = resolve_endpoint(kind, rest)
    return replace(
        text_tool("draw", "prompt", partial(_draw, where), language),
        usd=usd if usd is not None else 0.0 if where.is_free else None,
        tokens=None,
        identity=f"{' '.join(where.urls)} {where.model}",
        keys=where.addresses[0].keys,
        endpoint=f"draw {where.urls[0]} {where.model}",
        shows=True,
    )


async def _draw(where: EndpointTarget, arguments: Arguments) -> ToolResult:
    payload = await _post(where, {"model": where.model, "prompt": arguments["prompt"], "n": 1})
    try:
        picture = payload["data"][0]
        data = base64.b64decode(picture["b64_json"], validate=True) if picture.get("b64_json") else None
        url = picture.get("url")
    except (KeyError, IndexError, TypeError, AttributeError, binascii.Error):
        raise AttemptFailed(f"draw: {where.spec} sent what is no picture", unsettled=True) from None
    if data is None:
        data = (await fetch(str(url), own=where.urls[0])).data
    suffix = next((suffix for magic, suffix in _KINDS.items() if data.startswith(magic)), None)
    if suffix is None:
        raise AttemptFailed(f"draw: {where.spec} sent what is no picture", unsettled=True)
    used = payload["usage"] if isinstance(payload.get("usage"), dict) else {}
    counts = [used.get(name) for name in ("input_tokens", "output_tokens")]
    read, written = (count if isinstance(count, int) and 0 <= count < MAX_COUNT else 0 for count in counts)
    usage = Usage(input_tokens=read, output_tokens=written)
    return ToolResult(store(data, suffix), usage)


async def _post(where: EndpointTarget, request_body: dict[str, Any]) -> Any:
    headers = {"Content-Type": "application/json"}
    address = where.addresses[0]
    headers |= {"Authorization": f"Bearer {address.keys[0]}"} if address.keys else {}
    session = await connection_pool()
    url = f"{address.url}/images/generations"
    try:
        async with session.post(
            url, data=json.dumps(request_body), headers=headers, allow_redirects=False, proxy=proxy_for(url)
        ) as response:
            data = await body(response, MOST_BYTES)
            if response.status != 200:
                try:
                    text = (data or b"").decode(errors="replace")
                    endpoint_errors.raise_for_error(
                        response.status, response.headers, text, {}, where, address.without_key
                    )
                except Refused as refused:
                    raise ToolFailed("raised", {"error": str(refused)}) from None
            return read_json(data or b"")
    except aiohttp.ClientConnectorError:
        raise BadInput(f"draw: nothing answers at {url}; start the endpoint, or check its URL") from None
    except ValueError:
        raise AttemptFailed(f"draw: {where.spec} sent no JSON", unsettled=True) from None
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise AttemptFailed(f"draw: the connection to {where.spec} broke ({type(error).__name__})",
                            unsettled=True) from None  # fmt: skip


def store(data: bytes, suffix: str) -> str:
    """Write a picture under the hash of its content; its path."""
    file = home_folder() / "pictures" / f"{hashlib.sha256(data).hexdigest()[:16]}.{suffix}"
    if not file.exists():
        with temporary_beside(file) as unfinished:
            unfinished.write_bytes(data)
    return str(file)
