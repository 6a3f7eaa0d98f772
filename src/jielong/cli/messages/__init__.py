"""What the command line says, in the user's language: JIELONG_LANG, else LC_ALL, LC_MESSAGES, LANG."""

from __future__ import annotations

import os
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from ...reporting.formatting import dollars


def localized(key: str, **values: object) -> str:
    """The message `key` ("help.ask" is `ask` in section `help`) with its values filled in."""
    said: Any = _messages()
    for part in key.split("."):
        said = said[part]
    if isinstance(said, dict):
        said = said["_"]
    return str(said).format(**values)


def price(usd: float | None) -> str:
    """In dollars. Unknown is said, never 0."""
    return localized("unknown") if usd is None else dollars(usd)


def language() -> Literal["en", "zh"]:
    chosen = next((v for name in ("JIELONG_LANG", "LC_ALL", "LC_MESSAGES", "LANG") if (v := os.environ.get(name))), "")
    return "zh" if chosen.lower().startswith("zh") else "en"


@cache
def _messages() -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath(f"{language()}.toml").read_text("utf-8"))
