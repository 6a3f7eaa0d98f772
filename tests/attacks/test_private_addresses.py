"""Attacks on what fetches URLs that others wrote: each first reaches the server through plain aiohttp, then not.

Here 127.0.0.1 plays the private network. Where a public server takes part, 127.0.0.3 plays the public internet.
"""

from __future__ import annotations

import ipaddress
import itertools
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp
import pytest
from aiohttp import web

from jielong.techniques.tools import public_addresses
from jielong.techniques.tools import read_url as module
from jielong.techniques.tools.draw_image import draw
from jielong.techniques.tools.tool import ToolFailed
from jielong.techniques.tools.web_search import web_search
from loopback import Loopback

pytestmark = pytest.mark.anyio

SECRET = "the key of this machine"


class Inside(Loopback):
    """Answers with a secret on every address of this machine, and sends visitors elsewhere."""

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/to", self._redirect)
        app.router.add_post("/v1/images/generations", self._picture)
        app.router.add_get("/search", self._redirect)
        app.router.add_route("*", "/{path:.*}", self._secret)
        self.secrets, self.where, self.status = 0, "", 302
        self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "0.0.0.0", 0)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]

    async def _secret(self, request: web.Request) -> web.Response:
        self.secrets += 1
        return web.Response(text=SECRET)

    async def _redirect(self, request: web.Request) -> web.Response:
        return web.Response(status=self.status, headers={"Location": self.where})

    async def _picture(self, request: web.Request) -> web.Response:
        return web.json_response({"data": [{"url": f"http://127.0.0.3:{self.port}/to"}]})


@pytest.fixture(scope="module")
def server() -> Iterator[Inside]:
    with Inside() as running:
        yield running


@pytest.fixture
def inside(server: Inside) -> Inside:
    server.secrets, server.where, server.status = 0, "", 302
    return server


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, Iterator[list[str]]]:
    """A resolver of our own: what each name stands for, one answer after the other."""
    answers: dict[str, Iterator[list[str]]] = {}
    real = socket.getaddrinfo

    def resolve(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name not in answers:
            return real(host, port, *args, **options)
        kinds = {4: socket.AF_INET, 6: socket.AF_INET6}
        return [
            (kinds[ipaddress.ip_address(a).version], socket.SOCK_STREAM, 6, "", (a, port) + (0, 0) * (":" in a))
            for a in next(answers[name])
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return answers


async def unprotected(url: str) -> str:
    """Checks the host as it is written, or what its name stands for; then connects by the URL. Follows redirects."""
    async with aiohttp.ClientSession() as session:
        for _ in range(5):
            try:
                if ipaddress.ip_address(urlsplit(url).hostname or "").is_private:
                    return "refused"
            except ValueError:
                pass
            async with session.get(url, allow_redirects=False) as response:
                if response.status >= 300:
                    url = urljoin(url, response.headers["Location"])
                    continue
                return await response.text()
    return "too many redirects"


async def protected(url: str) -> str:
    try:
        return (await module.fetch(url, private=False)).data.decode()
    except ToolFailed as failed:
        return failed.words("en")


SPELLINGS = {
    "full-width digits": "１２７.０.０.１",
    "circled digits": "①②⑦.⓪.⓪.①",
    "ideographic full stops": "127。0。0。1",
    "half-width ideographic full stops": "127｡0｡0｡1",
    "full-width full stops": "127．0．0．1",
    "mathematical bold digits": "𝟏𝟐𝟕.𝟎.𝟎.𝟏",
    "double-struck digits": "𝟙𝟚𝟟.𝟘.𝟘.𝟙",
    "superscript digits": "¹²⁷.⁰.⁰.¹",
    "subscript digits": "₁₂₇.₀.₀.₁",
    "monospace digits and a full-width stop": "𝟷𝟸𝟽．𝟶．𝟶．𝟷",
    "full-width letters of localhost": "ｌｏｃａｌｈｏｓｔ",
    "circled letters of localhost": "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
    "script letters of localhost": "𝓁𝑜𝒸𝒶𝓁𝒽𝑜𝓈𝓉",
    "capitals of localhost": "LOCALHOST",
    "another address of the same network in full-width digits": "１２７.８.８.８",
    "zero as an address in circled digits": "⓪.⓪.⓪.⓪",
}


@pytest.mark.parametrize("host", SPELLINGS.values(), ids=SPELLINGS)
async def test_no_spelling_of_a_private_host_is_reached(inside: Inside, host: str):
    url = f"http://{host}:{inside.port}/"
    assert await unprotected(url) == SECRET, "this is no attack"
    inside.secrets = 0
    assert SECRET not in await protected(url)
    assert inside.secrets == 0


# What a name stands for: one answer after the other, each with its addresses.
RESOLVED: dict[str, list[list[str]]] = {
    "a name of a private address": [["127.0.0.1"]],
    "a name of zero": [["0.0.0.0"]],
    "a name of a mapped private address": [["::ffff:127.0.0.1"]],
    "a public address first, which does not answer": [["198.51.100.1", "127.0.0.1"]],
    "a private address among several": [["127.0.0.1", "198.51.100.1"]],
    "a mapped address behind one that does not answer": [["2001:db8::1", "::ffff:127.0.0.1"]],
    "public at the first look, private at the second": [["127.0.0.1"], ["127.0.0.1"]],
}


@pytest.mark.parametrize("answers", RESOLVED.values(), ids=RESOLVED)
async def test_no_name_leads_to_a_private_address(
    inside: Inside, names: dict[str, Iterator[list[str]]], answers: list[list[str]]
):
    names["page.example"] = itertools.cycle(answers)
    url = f"http://page.example:{inside.port}/"
    assert await unprotected(url) == SECRET, "this is no attack"
    inside.secrets = 0
    names["page.example"] = itertools.cycle(answers)
    assert SECRET not in await protected(url)
    assert inside.secrets == 0


async def test_a_name_that_changes_after_the_check_is_not_reached(
    inside: Inside, names: dict[str, Iterator[list[str]]]
):
    """Whoever resolves a name to check it, and lets the client resolve it again, reaches the second answer."""
    url = f"http://page.example:{inside.port}/"

    def rebinding() -> Iterator[list[str]]:
        return itertools.chain([["8.8.8.8"]], itertools.repeat(["127.0.0.1"]))

    names["page.example"] = rebinding()
    checked = socket.getaddrinfo("page.example", inside.port)
    assert not any(ipaddress.ip_address(info[4][0]).is_private for info in checked)
    assert await unprotected(url) == SECRET, "this is no attack"
    inside.secrets, names["page.example"] = 0, itertools.repeat(["127.0.0.1"])
    assert SECRET not in await protected(url)
    assert inside.secrets == 0


REDIRECTS = {
    "to full-width digits": "http://１２７.０.０.１:{port}/",
    "to a name": "http://localhost:{port}/",
    "without a scheme": "//localhost:{port}/",
    "to full-width letters without a scheme": "//ｌｏｃａｌｈｏｓｔ:{port}/",
    "with spaces around": "  http://localhost:{port}/  ",
    "to another redirect of the private network": "http://127。0。0。1:{port}/to?again",
    "to a mapped address by name": "http://mapped.example:{port}/",
}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("where", REDIRECTS.values(), ids=REDIRECTS)
async def test_no_redirect_leads_inside(
    inside: Inside, names: dict[str, Iterator[list[str]]], monkeypatch: pytest.MonkeyPatch, where: str, status: int
):
    names["public.example"] = itertools.repeat(["127.0.0.3"])
    names["mapped.example"] = itertools.repeat(["::ffff:127.0.0.1"])
    inside.where, inside.status = where.format(port=inside.port), status
    url = f"http://public.example:{inside.port}/to"
    if "again" not in where:
        assert await unprotected(url) == SECRET, "this is no attack"
    _let_public(monkeypatch, "127.0.0.3")
    inside.secrets = 0
    assert SECRET not in await protected(url)
    assert inside.secrets == 0


def _let_public(monkeypatch: pytest.MonkeyPatch, public: str) -> None:
    real = public_addresses.is_public
    monkeypatch.setattr(public_addresses, "is_public", lambda address: address == public or real(address))
    monkeypatch.setattr(public_addresses, "_is_own", lambda family, place: False)


async def test_the_endpoint_for_pictures_sends_nobody_inside(inside: Inside, monkeypatch: pytest.MonkeyPatch):
    """The operator's own endpoint may be private; what it names elsewhere, or sends one on to, may not."""
    inside.where = f"http://127.0.0.1:{inside.port}/secret"
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.3:{inside.port}/to") as response:
        assert await response.text() == SECRET, "this is no attack"
    inside.secrets = 0
    tool = draw(f"openai:paint@http://127.0.0.3:{inside.port}/v1")
    with pytest.raises(ToolFailed, match="private"):
        await tool.call({"prompt": "tea"})
    assert inside.secrets == 0


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_search_engine_sends_nobody_elsewhere(inside: Inside, status: int):
    inside.where, inside.status = f"http://127.0.0.2:{inside.port}/secret", status
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{inside.port}/search") as response:
        assert await response.text() == SECRET, "this is no attack"
    inside.secrets = 0
    with pytest.raises(Exception, match="answered"):
        await web_search(f"http://127.0.0.1:{inside.port}").call({"query": "tea"})
    assert inside.secrets == 0


ADDRESSES = {
    "metadata of Oracle's cloud": "192.0.0.192",
    "metadata of Azure": "168.63.129.16",
    "metadata of Alibaba's cloud": "100.100.100.200",
    "a neighbour behind the provider's NAT": "100.127.255.254",
    "the relays of 6to4": "192.88.99.1",
    "NAT64 of the local network": "64:ff9b:1::7f00:1",
    "NAT64 of loopback": "64:ff9b::127.0.0.1",
    "NAT64 of metadata": "64:ff9b::a9fe:a9fe",
    "6to4 of loopback": "2002:7f00:1::1",
    "6to4 of a private network": "2002:c0a8:101::",
    "Teredo": "2001:0:7f00:1::80ff:fffe",
    "ISATAP of a private network": "2606:4700::5efe:10.0.0.1",
    "ISATAP with the global bit": "2606:4700::200:5efe:10.0.0.1",
    "a compatible IPv4 address": "::10.0.0.1",
    "a translated IPv4 address": "::ffff:0:127.0.0.1",
    "site-local IPv6": "fec0::1",
    "multicast": "ff0e::1",
    "multicast IPv4": "239.255.255.250",
    "segment routing": "5f00::1",
    "documentation of 2024": "3fff::1",
    "ORCHID": "2001:20::1",
    "what nobody has been given": "4000::1",
    "a public address with a zone": "2606:4700::1111%lo",
}  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES)
def test_no_special_address_passes_for_public(address: str):
    ip = ipaddress.ip_address(address)
    naive = [not ip.is_private, ip.is_global, not (ip.is_loopback or ip.is_link_local or ip.is_reserved)]
    assert any(naive), "this is no attack"
    assert not public_addresses.is_public(address)


URLS = {
    "a line break in front of the port": "http://127.0.0.1\n:{port}/",
    "a tab in the scheme": "ht\ttp://localhost:{port}/",
    "the port of mail": "http://localhost:25/",
    "the port of SSH": "http://localhost:22/",
    "the port of SMB": "http://localhost:445/",
    "a user in front": "http://e.org@localhost:{port}/",
    "a backslash": "http://localhost\\@e.org:{port}/",
    "a scheme of files": "file:///etc/passwd",
    "a scheme of data": "data:text/plain,x",
    "gopher": "gopher://localhost:6379/_INFO",
}


@pytest.mark.parametrize("url", URLS.values(), ids=URLS)
async def test_no_url_that_two_readers_read_differently_is_read(inside: Inside, url: str):
    words = await protected(url.format(port=inside.port))
    assert "is not a URL that can be read" in words
    assert inside.secrets == 0


def test_a_public_address_of_this_machine_itself_is_known():
    """A service that listens on all addresses is private, whatever the address that leads to it."""
    assert public_addresses._is_own(socket.AF_INET, ("127.0.0.1", 80))
