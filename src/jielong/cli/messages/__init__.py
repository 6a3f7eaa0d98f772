"""What the command line says, in the user's language: JIELONG_LANG, else LC_ALL, LC_MESSAGES, LANG."""

from __future__ import annotations

import string
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from ...reporting.formatting import dollars
from ...reporting.wording import language as language


def localized(key: str, **values: object) -> str:
    """The message `key` ("help.ask" is `ask` in section `help`) with its values filled in."""
    message: Any = _messages()
    for part in key.split("."):
        message = message[part]
    if isinstance(message, dict):
        message = message["_"]
    return _Plurals().format(str(message), **values)


class _Plurals(string.Formatter):
    """`{n:item|items}` is "1 item" or "5 items"."""

    def format_field(self, value: Any, format_spec: str) -> str:
        singular, bar, plural = format_spec.partition("|")
        if not bar:
            return str(format(value, format_spec))
        return f"{value} {singular if str(value) == '1' else plural}"


def in_language(sentence: str) -> str:
    """An English error, note or reason of the library in the user's language."""
    if language() == "en":
        return sentence
    from ...reporting.translation import translate

    return translate(sentence, language())


def formatted_price(usd: float | None) -> str:
    """In dollars. Unknown is said, never 0."""
    return localized("unknown") if usd is None else dollars(usd)


@cache
def _messages() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name(f"{language()}.toml").read_text("utf-8"))
