"""Which addresses are the public internet, and sockets that connect to no others.

A URL has many readings (digits of other scripts, short and octal forms, names that change what they stand for), and
whoever checks one and connects by another is led astray. So nothing is concluded from the text: the check stands where
a socket is made for one address, and it is that address which is connected to. Follows the registries of IANA for
special purposes (RFC 6890), and knows the cloud metadata services that lie outside them.
"""

import ipaddress
import socket
from typing import Any

from aiohttp import AddrInfoType

_GLOBAL_IPV6 = ipaddress.ip_network("2000::/3")  # all that is given out; whatever lies outside has another purpose
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # how networks without IPv4 reach it
_SPECIAL = [
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 "
        "192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3 168.63.129.16/32 "
        "2001::/23 2001:db8::/32 2002::/16 3fff::/20"
    ).split()
]
_ISATAP = (0x00005EFE, 0x02005EFE)  # the third quarter of an IPv6 address that carries an IPv4 address of a site


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, also where it is wrapped in an IPv6 address."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        wrapped = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else ip.ipv4_mapped
        if wrapped is not None:
            return is_public(str(wrapped))
        if ip.scope_id or ip not in _GLOBAL_IPV6 or (int(ip) >> 32) & 0xFFFFFFFF in _ISATAP:
            return False
    return not any(ip in network for network in _SPECIAL)


class PublicSockets:
    """Makes a socket for each address that aiohttp connects to (`socket_factory`), or refuses it."""

    def __init__(self) -> None:
        self.refused = False

    def __call__(self, info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, place = info
        if not is_public(str(place[0])) or _is_own(family, place):
            self.refused = True
            raise OSError(f"{place[0]} is not on the public internet")
        return socket.socket(family, kind, protocol)


def _is_own(family: int, place: tuple[Any, ...]) -> bool:
    """Whether this machine has that public address itself. Nothing is sent: a datagram socket only finds the route."""
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(place)
        except OSError:
            return False  # it cannot be reached
        return bool(probe.getsockname()[0] == place[0])
