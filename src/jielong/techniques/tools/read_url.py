"""read_url: the text of a page of the public web.

Only http and https, no user or password in the URL, no port of another service, and no address of this machine or of a
private network, unless the operator allows it: on each hop, what is checked is the address that is connected to. So
many bytes, so many seconds, no more. What a page says is data; but a model may be talked into reading a URL that
carries away what it was told, so give this tool only to models whose conversation may be seen outside.
"""

import re
from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import urljoin, urlsplit

import aiohttp
import anyio

from ...prompts import Language
from .page_text import page_text
from .public_addresses import PublicSockets
from .tool import Arguments, Tool, ToolFailed, ToolResult, text_tool

MOST_BYTES, SECONDS, MOST_HOPS = 3_000_000, 20.0, 5
_NOT_IN_A_URL = re.compile(r"[\x00-\x20\x7f-\xa0\\]")  # what one reader drops and another takes for a separator


def read_url(*, private: bool = False, language: Language = "en") -> Tool:
    """The tool. `private`: addresses of this machine and of private networks may be read, too."""
    tool = text_tool("read_url", "url", partial(_read, private=private), language, may_be_blank=True)
    return replace(tool, identity=str(private))


async def _read(arguments: Arguments, *, private: bool) -> ToolResult:
    return ToolResult(await text_of(await fetch(arguments["url"].strip(), private=private)))


@dataclass(frozen=True)
class Page:
    kind: str
    charset: str
    data: bytes


async def text_of(page: Page) -> str:
    if page.kind.startswith("text/") or page.kind.endswith(("json", "xml")):
        return await page_text(page.data, page.kind, page.charset)
    raise ToolFailed("kind_of_page", {"kind": page.kind[:100]})


async def fetch(url: str, *, private: bool = False, own: str = "") -> Page:
    """What is at `url`, redirects followed. `own`: a URL whose server may be anywhere, while each other one must be
    public unless `private`. Raises ToolFailed, in words for the model."""
    try:
        with anyio.fail_after(SECONDS):
            for _ in range(MOST_HOPS):
                url_or_page = await _hop(url, private or (own != "" and _origin(url) == _origin(own)))
                if isinstance(url_or_page, Page):
                    return url_or_page
                url = url_or_page
    except TimeoutError:
        raise ToolFailed("too_slow", {"url": url[:200], "seconds": f"{SECONDS:g}"}) from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise ToolFailed("unreachable", {"url": url[:200], "error": type(error).__name__}) from None
    raise ToolFailed("unreachable", {"url": url[:200], "error": f"more than {MOST_HOPS} redirects"})


async def _hop(url: str, private: bool) -> Page | str:
    """A page, or where it is. Each hop has a connection of its own, so that none is used that was not checked."""
    _checked(url, private)
    headers = {"Accept": "text/html, text/*;q=0.9, application/json;q=0.9, */*;q=0.1", "User-Agent": "jielong"}
    sockets = PublicSockets()
    connector = aiohttp.TCPConnector(socket_factory=None if private else sockets)
    try:
        async with (
            aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.get(url, allow_redirects=False, headers=headers) as response,
        ):
            if response.status in (301, 302, 303, 307, 308) and "Location" in response.headers:
                return urljoin(url, response.headers["Location"])
            if response.status != 200:
                raise ToolFailed("status", {"url": url[:200], "status": str(response.status)})
            data = await body(response, MOST_BYTES)
            if data is None:
                raise ToolFailed("too_large", {"url": url[:200], "most": f"{MOST_BYTES:,}"})
            return Page(response.content_type, response.charset or "", data)
    except aiohttp.ClientConnectorError:
        if sockets.refused:
            raise ToolFailed("private", {"url": url[:200]}) from None
        raise


async def body(response: aiohttp.ClientResponse, most: int) -> bytes | None:
    """All that an endpoint sends; None, and no more read, when it is more than `most` bytes."""
    data = bytearray()
    async for chunk in response.content.iter_chunked(65_536):
        data += chunk
        if len(data) > most:
            return None
    return bytes(data)


def _checked(url: str, private: bool) -> None:
    parts = urlsplit(url)
    is_url = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
    if not is_url or _NOT_IN_A_URL.search(url) or not (private or _is_of_pages(parts.port)):
        raise ToolFailed("no_url", {"url": url[:200]})


def _is_of_pages(port: int | None) -> bool:
    """Below 1024 every other port is that of a service which takes something else for a command."""
    return port in (None, 80, 443) or port >= 1024


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port
