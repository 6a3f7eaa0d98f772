"""web_search: the first results of a search engine that the operator chose; there is no default third party.

`searxng` is any SearXNG (its JSON output must be on); `brave` is the Brave Search API or one that speaks as it does,
with its key in an environment variable. The price of a search is unknown unless the operator says it.
"""

import json
import re
from dataclasses import replace
from typing import Any, Literal, TypeAlias

import aiohttp

from ...bounded_json import read_json
from ...errors import BadInput, MissingKey
from ...models.openai.connection_pools import connection_pool, proxy_for
from ...prompts import Language, catalogue, fill
from ...runtime.keys import is_loopback, keys_for, keys_in
from ...runtime.provider import AttemptFailed
from .read_url import body
from .tool import Arguments, Tool, ToolFailed, ToolResult, text_tool

Kind: TypeAlias = Literal["searxng", "brave"]
RESULTS, MOST_BYTES, SECONDS = 5, 5_000_000, 20.0
LONGEST_FIELD = 5_000  # characters of a title, an address, a description
LONGEST_OF_ROW = 700  # of one in a row: all rows together stay below what a tool's result may have


def web_search(
    url: str,
    *,
    kind: Kind = "searxng",
    key_variable: str | None = None,
    usd: float | None = None,
    language: Language = "en",
) -> Tool:
    """The tool, asking the engine at `url`. `usd`: the price of one search; one on this machine costs nothing."""
    words = catalogue(language)["web_search"]["result"]

    async def call(arguments: Arguments) -> ToolResult:
        results = await _results(url.rstrip("/"), kind, key_variable, arguments["query"].strip())
        return ToolResult("\n\n".join(fill(words, entry | {"n": str(n)}) for n, entry in enumerate(results, 1)))

    tool = text_tool("web_search", "query", call, language)
    return _at(tool, url, kind, key_variable, usd, "")


def search_rows(url: str, *, kind: Kind = "searxng", key_variable: str | None = None, usd: float | None = None) -> Tool:
    """The same search for a retriever: its result is a line of JSON with title, url and text for each page found."""

    async def call(arguments: Arguments) -> ToolResult:
        try:
            results = await _results(url.rstrip("/"), kind, key_variable, arguments["query"].strip())
        except ToolFailed:
            return ToolResult("")
        rows = [{name: text[:LONGEST_OF_ROW] for name, text in row.items()} for row in results]
        return ToolResult("\n".join(json.dumps(row, ensure_ascii=False) for row in rows))

    return _at(text_tool("web_search", "query", call, "en"), url, kind, key_variable, usd, " rows")


def _at(tool: Tool, url: str, kind: Kind, key_variable: str | None, usd: float | None, form: str) -> Tool:
    """The tool with its price, its limiter, and what tells its results from those of others. Raises BadInput."""
    if not url.startswith(("http://", "https://")) or "@" in url.partition("//")[2].partition("/")[0]:
        raise BadInput("web_search: url is not the URL of a search engine; expected e.g. http://127.0.0.1:8888")
    if kind == "brave" and key_variable is None:
        raise BadInput("web_search: kind brave needs key_variable, the environment variable that holds the key")
    price = usd if usd is not None else 0.0 if kind == "searxng" and is_loopback(url) else None
    identity, endpoint = f"{kind} {url}{form}", f"web_search {url}"
    return replace(tool, usd=price, identity=identity, endpoint=endpoint, keys=keys_in(key_variable))


async def _results(url: str, kind: Kind, key_variable: str | None, query: str) -> list[dict[str, str]]:
    """Title, url and text of each. Raises ToolFailed where nothing is found."""
    headers = {"Accept": "application/json"}
    if key_variable:
        key = keys_for(url, key_variable, "web_search")[0]
        headers |= {"X-Subscription-Token": key} if kind == "brave" else {"Authorization": f"Bearer {key}"}
    if kind == "searxng":
        payload = await _get(f"{url}/search", {"q": query, "format": "json"}, headers)
    else:
        payload = await _get(f"{url}/res/v1/web/search", {"q": query, "count": str(RESULTS)}, headers)
        payload = payload.get("web") if isinstance(payload, dict) else None
    results = payload.get("results") if isinstance(payload, dict) else None
    rows = [row for row in results if isinstance(row, dict)][:RESULTS] if isinstance(results, list) else []
    if not rows:
        raise ToolFailed("nothing_found", {"query": query[:200]})
    fields = {"title": "title", "url": "url", "text": "content" if kind == "searxng" else "description"}
    return [{name: _text(row, field) for name, field in fields.items()} for row in rows]


async def _get(url: str, query: dict[str, str], headers: dict[str, str]) -> Any:
    session = await connection_pool()
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    try:
        async with session.get(
            url, params=query, headers=headers, timeout=timeout, allow_redirects=False, proxy=proxy_for(url)
        ) as response:
            data = await body(response, MOST_BYTES)
            if response.status in (401, 403):
                raise MissingKey(f"web_search: {url} answered {response.status}; check its key, "
                                 "or whether a SearXNG gives JSON (search.formats)")  # fmt: skip
            if response.status in (408, 429, 500, 502, 503, 504):
                busy = response.status in (429, 503)
                raise AttemptFailed(f"web_search: {url} answered {response.status}", overloaded=busy)
            if response.status != 200:
                raise BadInput(f"web_search: {url} answered {response.status}; check the URL of the search engine")
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise AttemptFailed(f"web_search: {url} cannot be reached ({type(error).__name__})", unsettled=True) from None
    try:
        return read_json(data or b"")
    except ValueError:
        raise BadInput(f"web_search: {url} gave no JSON; a SearXNG needs json among its search.formats") from None


def _text(row: dict[str, Any], name: str) -> str:
    """One line, without the tags that engines mark words with."""
    return " ".join(re.sub(r"</?\w{1,40}>", "", str(row.get(name) or "")[:LONGEST_FIELD]).split())
