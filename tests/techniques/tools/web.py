"""A real HTTP server on loopback with pages, two search engines and an endpoint for pictures."""

from __future__ import annotations

import base64
from typing import Any

from aiohttp import web

from loopback import Loopback

PICTURE = b"\x89PNG\r\n\x1a\n a small picture"
PAGE = """<html><head><title>Tea</title><script>var x = 'not shown';</script></head><body><nav>Home About</nav>
<article><h1>Tea</h1><p>Tea is made of the leaves of the tea plant. It is drunk all over the world by many people.</p>
<p>Green tea is not fermented, and black tea is; both come from the same plant, which grows in warm hills.</p></article>
</body></html>"""


class Web(Loopback):
    """`with Web() as w: w.url`. `asked` is what came: path, query, headers, JSON."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], dict[str, str], Any]] = []
        self.failures = 0  # so many requests are answered with 503 first

    async def start(self) -> None:
        app = web.Application(middlewares=[self._note])
        for path, handler in {
            "/page": self._page,
            "/plain": self._plain,
            "/large": self._large,
            "/binary": self._binary,
            "/to/{where:.*}": self._redirect,
            "/loop": self._loop,
            "/search": self._searxng,
            "/res/v1/web/search": self._brave,
            "/picture.png": self._picture,
        }.items():
            app.router.add_get(path, handler)
        app.router.add_post("/v1/images/generations", self._images)
        app.router.add_post("/linked/images/generations", self._linked)
        app.router.add_post("/refusing/images/generations", self._refusing)
        self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        self.url = f"http://127.0.0.1:{self.port}"

    @web.middleware
    async def _note(self, request: web.Request, handler: Any) -> web.StreamResponse:
        said = await request.json() if request.can_read_body else None
        self.asked.append((request.path, dict(request.query), dict(request.headers), said))
        if self.failures:
            self.failures -= 1
            return web.Response(status=503, headers={"Retry-After": "0"})
        response: web.StreamResponse = await handler(request)
        return response

    async def _page(self, request: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    async def _plain(self, request: web.Request) -> web.Response:
        return web.Response(body="茶".encode("gb18030"), content_type="text/plain", charset="gb18030")

    async def _large(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        for _ in range(100):
            await response.write(b"x" * 100_000)
        return response

    async def _binary(self, request: web.Request) -> web.Response:
        return web.Response(body=b"\x00\x01", content_type="application/octet-stream")

    async def _redirect(self, request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": request.match_info["where"].replace("!", ":")})

    async def _loop(self, request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "/loop"})

    async def _searxng(self, request: web.Request) -> web.Response:
        if request.query.get("q") == "nothing":
            return web.json_response({"results": []})
        rows = [{"title": f"T{n}", "url": f"https://e.org/{n}", "content": f"about <b>{n}</b>\n  x"} for n in range(9)]
        return web.json_response({"results": rows})

    async def _brave(self, request: web.Request) -> web.Response:
        if request.headers.get("X-Subscription-Token") != "secret":
            return web.Response(status=401)
        row = {"title": "Tea", "url": "https://e.org/tea", "description": "a drink"}
        return web.json_response({"web": {"results": [row]}})

    async def _picture(self, request: web.Request) -> web.Response:
        return web.Response(body=PICTURE, content_type="image/png")

    async def _images(self, request: web.Request) -> web.Response:
        said = {
            "data": [{"b64_json": base64.b64encode(PICTURE).decode()}],
            "usage": {"input_tokens": 7, "output_tokens": 272},
        }
        return web.json_response(said)

    async def _linked(self, request: web.Request) -> web.Response:
        return web.json_response({"data": [{"url": f"{self.url}/picture.png"}]})

    async def _refusing(self, request: web.Request) -> web.Response:
        return web.json_response({"error": {"message": "not this", "code": "content_policy_violation"}}, status=400)
