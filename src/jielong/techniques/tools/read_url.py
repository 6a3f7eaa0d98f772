"""read_url: the text of a page of the public web.

Only http and https, no user or password in the URL, and no address of this machine or of a private network, unless the
operator allows it: each hop of a redirect is checked, and the connection goes to the very address that was checked. So
many bytes, so many seconds, no more. What a page says is data; but a model may be talked into reading a URL that
carries away what it was told, so give this tool only to models whose conversation may be seen outside.
"""

import ipaddress
import socket
from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import urljoin, urlsplit

import aiohttp
import anyio
import anyio.to_thread
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from ...errors import MissingExtra
from ...prompts import Language
from .tool import Arguments, Tool, ToolFailed, ToolResult, text_tool

MOST_BYTES, SECONDS, MOST_HOPS = 3_000_000, 20.0, 5
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_HTML = ("text/html", "application/xhtml+xml")


def read_url(*, private: bool = False, language: Language = "en") -> Tool:
    """The tool. `private`: addresses of this machine and of private networks may be read, too."""
    tool = text_tool("read_url", "url", partial(_read, private=private), language, may_be_blank=True)
    return replace(tool, identity=str(private))


async def _read(arguments: Arguments, *, private: bool) -> ToolResult:
    page = await fetch(arguments["url"].strip(), private=private)
    if page.kind in _HTML:
        return ToolResult(await anyio.to_thread.run_sync(_text_of, page.data))
    if page.kind.startswith("text/") or page.kind.endswith(("json", "xml")):
        try:
            return ToolResult(page.data.decode(page.charset, errors="replace"))
        except LookupError:  # no encoding of that name
            return ToolResult(page.data.decode(errors="replace"))
    raise ToolFailed("kind_of_page", {"kind": page.kind})


def _text_of(html: bytes) -> str:
    """Its main text; all of its text where none stands out."""
    try:
        import trafilatura
    except ImportError:
        raise MissingExtra("reading web pages", "tools") from None
    main_text = trafilatura.extract(html, include_comments=False, include_tables=True, favor_recall=True)
    if text := main_text or trafilatura.html2txt(html):
        return str(text)
    raise ToolFailed("empty_page")


@dataclass(frozen=True)
class Page:
    kind: str
    charset: str
    data: bytes


async def fetch(url: str, *, private: bool) -> Page:
    """What is at `url`, redirects followed. Raises ToolFailed, in words for the model."""
    connector = aiohttp.TCPConnector(resolver=_Resolver(private))
    try:
        with anyio.fail_after(SECONDS):
            async with aiohttp.ClientSession(connector=connector, auto_decompress=True) as session:
                for _ in range(MOST_HOPS):
                    url_or_page = await _hop(session, url, private)
                    if isinstance(url_or_page, Page):
                        return url_or_page
                    url = url_or_page
    except TimeoutError:
        raise ToolFailed("too_slow", {"url": url[:200], "seconds": f"{SECONDS:g}"}) from None
    except _Private:
        raise ToolFailed("private", {"url": url[:200]}) from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        if isinstance(getattr(error, "os_error", None), _Private):
            raise ToolFailed("private", {"url": url[:200]}) from None
        raise ToolFailed("unreachable", {"url": url[:200], "error": type(error).__name__}) from None
    raise ToolFailed("unreachable", {"url": url[:200], "error": f"more than {MOST_HOPS} redirects"})


async def _hop(session: aiohttp.ClientSession, url: str, private: bool) -> Page | str:
    _checked(url, private)
    headers = {"Accept": "text/html, text/*;q=0.9, application/json;q=0.9, */*;q=0.1", "User-Agent": "jielong"}
    async with session.get(url, allow_redirects=False, headers=headers) as response:
        if response.status in (301, 302, 303, 307, 308) and "Location" in response.headers:
            return urljoin(url, response.headers["Location"])
        if response.status != 200:
            raise ToolFailed("status", {"url": url[:200], "status": str(response.status)})
        data = await body(response, MOST_BYTES)
        if data is None:
            raise ToolFailed("too_large", {"url": url[:200], "most": f"{MOST_BYTES:,}"})
        return Page(response.content_type, response.charset or "utf-8", data)


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
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ToolFailed("no_url", {"url": url[:200]})
    try:
        address = ipaddress.ip_address(parts.hostname)
    except ValueError:
        return  # a name: the resolver checks what it stands for
    if not private and not is_public(str(address)):
        raise ToolFailed("private", {"url": url[:200]})


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, also where it is wrapped in an IPv6 address."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


class _Private(OSError):
    pass


class _Resolver(AbstractResolver):
    """Resolves a name once, and refuses it when one of its addresses is not public."""

    def __init__(self, private: bool) -> None:
        self._private, self._inner = private, ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        addresses = await self._inner.resolve(host, port, family)
        if not self._private and not all(is_public(address["host"]) for address in addresses):
            raise _Private(f"{host} is an address of a private network")
        return addresses

    async def close(self) -> None:
        await self._inner.close()
