"""Who may ask: the token, the Host and the Origin of a request are looked at before anything else is read.

A page of another site can make a browser send requests to a server on this machine, under that site's name (Origin) or,
after its name was made to point here (DNS rebinding), under a foreign Host. Both are refused, with or without a token.
"""

from __future__ import annotations

import hmac
import ipaddress
import socket
from collections.abc import Mapping

from multidict import CIMultiDictProxy

from .error_responses import ErrorResponse, refusal

LOOPBACK = ("localhost", "127.0.0.1", "::1")


class AccessGuard:
    """`host` is what the server listens on. Off loopback a token is a must, and Host may be any address, or this
    machine's name: a name that was made to point here is neither."""

    def __init__(self, host: str, token: str | None) -> None:
        self._token = token.encode() if token is not None else None
        self._loopback = is_loopback(host)
        self._names = {*LOOPBACK, host.lower()}
        if not self._loopback:
            self._names.add(socket.gethostname().lower())

    @property
    def has_token(self) -> bool:
        return self._token is not None

    def check(self, headers: CIMultiDictProxy[str]) -> None:
        """Raises Failure: 421 for a foreign Host, 403 for another site's page, 401 without the token."""
        hosts = headers.getall("Host", [])
        if len(hosts) != 1 or not self._ours(_name(hosts[0])):
            raise refusal(421, f"this server is not {_named(hosts)}; ask it by its address or name")
        origin = headers.get("Origin")
        if origin is not None and origin.partition("://")[2].lower() != hosts[0].lower():
            raise refusal(403, f"pages of {origin[:100]} may not use this server")
        if headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
            raise refusal(403, "pages of other sites may not use this server")
        if self._token is not None and not self._knows(headers):
            raise _no_token()

    def _ours(self, name: str) -> bool:
        return name in self._names or (not self._loopback and _is_address(name))

    def _knows(self, headers: Mapping[str, str]) -> bool:
        kind, _, given = headers.get("Authorization", "").partition(" ")
        assert self._token is not None
        same = hmac.compare_digest(given.strip().encode(errors="surrogateescape"), self._token)
        return same and kind.lower() == "bearer"


def _no_token() -> ErrorResponse:
    return refusal(401, "a token is needed: Authorization: Bearer TOKEN", {"WWW-Authenticate": "Bearer"})


def is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _name(host: str) -> str:
    """The name in a Host header, without the port."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.rpartition(":")[0].lower() if host.count(":") == 1 else host.lower()


def _named(hosts: list[str]) -> str:
    return repr(hosts[0][:100]) if len(hosts) == 1 else f"{len(hosts)} hosts"
