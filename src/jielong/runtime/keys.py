"""Keys from environment variables, and where they may go: never off this machine without encryption."""

import os
import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from ..errors import BadInput, MissingKey

_KEY = re.compile(r"[!#-&(-+\--~]+")  # what an HTTP header can hold, without spaces, quotes and commas


def keys_in(variable: str | None) -> tuple[str, ...]:
    """The keys in an environment variable, several separated by commas; none where none is named. Raises BadInput that
    does not show them."""
    keys = tuple(key.strip() for key in os.environ.get(variable or "", "").split(",") if key.strip())
    if any(not _KEY.fullmatch(key) for key in keys):
        raise BadInput(
            f"{variable} holds a line break, a space, a quotation mark or another character that no key has; "
            "expected the key alone, or several separated by commas: set it again"
        )
    return keys


def keys_for(url: str, variable: str, purpose: str) -> tuple[str, ...]:
    """The keys that `purpose` needs at `url`. Raises MissingKey; BadInput where they would travel unencrypted."""
    keys = keys_in(variable)
    if not keys:
        raise MissingKey(f"{purpose} needs a key, and {variable} is not set: export {variable}=…")
    if not may_carry_keys(url):
        raise BadInput(f"{purpose}: the key in {variable} would travel unencrypted to {url}; use https")
    return keys


def may_carry_keys(url: str) -> bool:
    return urlsplit(url).scheme == "https" or is_loopback(url)


def is_loopback(url: str) -> bool:
    """Whether what answers at `url` runs on this machine."""
    host = (urlsplit(url).hostname or "").removesuffix(".")
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified
