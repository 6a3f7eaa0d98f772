"""Who may ask: the Host, the Origin and the token of a request are checked before anything else is read.

A page of another site can make a browser send requests to a server on this machine, under that site's name (Origin) or,
after its name was made to point here (DNS rebinding), under a foreign Host. Both are refused, with or without a token.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from typing import TypeAlias

from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import BadInput
from .error_responses import ErrorResponse, refusal

Check: TypeAlias = Callable[[Headers], None]
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
OPEN_PATHS = ("/health",)  # asked by load balancers, which have no token
_HOST_NAME = re.compile(r"(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?", re.I)
_ORIGIN = re.compile(r"https?://[^/\s]+", re.I)


def access_middleware(
    host: str, *, token: str | None, allow_hosts: Sequence[str] = (), allow_origins: Sequence[str] = ()
) -> list[Middleware]:
    """The checks, outermost first. `host` is what the server listens on.

    Loopback names and `allow_hosts` are always accepted as Host; off loopback also any address and this machine's name.
    `allow_origins` are the sites whose pages may use the server. Raises: BadInput for what is no name or origin, and
    for a missing token off loopback.
    """
    if token is None and not is_loopback(host):
        raise BadInput(f"{host} is not this machine alone, so a token is needed: put one into a variable, --token-env")
    if token is not None and not token.strip():
        raise BadInput("the token is empty; give one that is hard to guess")
    for name in allow_hosts:
        if not _HOST_NAME.fullmatch(name):
            raise BadInput(f"--allow-host takes the name of a host, as in llm.example.org, and not {name!r}")
    for origin in allow_origins:
        if not _ORIGIN.fullmatch(origin):
            raise BadInput(f"--allow-origin takes an origin, as in https://app.example.org, and not {origin!r}")
    names = [*LOOPBACK_NAMES, f"[{host}]" if ":" in host else host, *allow_hosts]
    if not is_loopback(host):
        names.append(socket.gethostname())
    checks = [
        Middleware(TrustedHosts, names=names, any_address=not is_loopback(host)),
        Middleware(Guard, check=_same_site([origin.lower() for origin in allow_origins])),
    ]
    if allow_origins:
        checks.append(Middleware(
            CORSMiddleware, allow_origins=list(allow_origins), allow_methods=["GET", "POST"], allow_headers=["*"],
            allow_private_network=True,
        ))  # fmt: skip
    if token is not None:
        checks.append(Middleware(Guard, check=_bearer(token.encode()), except_paths=OPEN_PATHS))
    return checks


class TrustedHosts:
    """Starlette's check of the Host, answered by 421 in the protocol's form; with `any_address` IP addresses pass."""

    def __init__(self, app: ASGIApp, names: Sequence[str], any_address: bool) -> None:
        self.app, self.names, self.any_address = app, names, any_address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        hosts = Headers(scope=scope).getlist("Host")
        if len(hosts) == 1 and await self._is_trusted(hosts[0], scope, receive):
            await self.app(scope, receive, send)
            return
        problem = f"this server is not {hosts[0][:100]!r}" if len(hosts) == 1 else f"{len(hosts)} hosts are named"
        await refusal(421, f"{problem}; ask it by its address or name").response()(scope, receive, send)

    async def _is_trusted(self, host: str, scope: Scope, receive: Receive) -> bool:
        trusted = self.any_address and _is_address(host)

        async def accept(scope: Scope, receive: Receive, send: Send) -> None:
            nonlocal trusted
            trusted = True

        async def ignore(message: Message) -> None:
            """The plain 400 of the middleware."""

        check = TrustedHostMiddleware(accept, allowed_hosts=self.names, www_redirect=False)
        await check(scope, receive, ignore)
        return trusted


class Guard:
    """Refuses what does not pass `check`, which raises ErrorResponse."""

    def __init__(self, app: ASGIApp, check: Check, except_paths: Sequence[str] = ()) -> None:
        self.app, self.check, self.except_paths = app, check, except_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if scope["path"].removeprefix(scope.get("root_path", "")) not in self.except_paths:
                self.check(Headers(scope=scope))
        except ErrorResponse as error:
            await error.response()(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def _same_site(allow_origins: Sequence[str]) -> Check:
    def check(headers: Headers) -> None:
        origin = headers.get("Origin")
        if origin is not None and origin.lower() in allow_origins:
            return
        if origin is not None and origin.partition("://")[2].lower() != headers["Host"].lower():
            raise refusal(403, f"pages of {origin[:100]} may not use this server")
        if headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            raise refusal(403, "pages of other sites may not use this server")

    return check


def _bearer(token: bytes) -> Check:
    def check(headers: Headers) -> None:
        scheme, _, credentials = headers.get("Authorization", "").partition(" ")
        matches = hmac.compare_digest(credentials.strip().encode("latin-1"), token)
        if not matches or scheme.lower() != "bearer":
            raise refusal(401, "a token is needed: Authorization: Bearer TOKEN", {"WWW-Authenticate": "Bearer"})

    return check


def is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _is_address(host: str) -> bool:
    """Whether a Host header is an IP address, with or without a port."""
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
