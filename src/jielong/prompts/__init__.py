"""The prompts that techniques send: data, in `en.toml` and `zh.toml`, chosen by the language of the request.

Each can be replaced by the option of its technique; they are what prompt search tunes.
"""

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from ..contract import Request
from ..errors import BadInput

Language = Literal["en", "zh"]

_CHINESE = re.compile(r"[\u3400-\u9fff]")
_LATIN_WORD = re.compile(r"[A-Za-z]+")
_FIELD = re.compile(r"\{(\w+)\}")
MAX_LENGTH = 8_000_000  # characters of a prompt: more than the longest context holds


def language(text: str) -> Language:
    """Chinese if it holds at least as many Chinese characters as Latin words, else English."""
    chinese = len(_CHINESE.findall(text))
    return "zh" if chinese and chinese >= len(_LATIN_WORD.findall(text)) else "en"


def prompt(request: Request, technique: str, name: str, own: str | None = None) -> str:
    """The prompt `name` of a technique in the language of the request; words of one's own take its place."""
    return catalogue(request_language(request))[technique][name] if own is None else own


def request_language(request: Request) -> Language:
    """The language of the last message with words in it that a user wrote: `5 - 2` alone is in none."""
    written = [message.text for message in request.messages if message.role == "user"]
    wordy = (text for text in reversed(written) if _CHINESE.search(text) or _LATIN_WORD.search(text))
    return language(next(wordy, ""))


@cache
def catalogue(language: Language) -> dict[str, dict[str, str]]:
    """All prompts of one language, by technique and name."""
    loaded: dict[str, Any] = tomllib.loads(files(__package__).joinpath(f"{language}.toml").read_text("utf-8"))
    return loaded


def fill(template: str, values: dict[str, str]) -> str:
    """`{name}` replaced by its value, in one pass: braces inside the values stay as they are. Raises BadInput for what
    would be longer than any model reads: templates within templates multiply."""
    length = len(template) + sum(len(values.get(match[1], "")) for match in _FIELD.finditer(template))
    if length > MAX_LENGTH:
        raise BadInput(f"a prompt of up to {length:,} characters; at most {MAX_LENGTH:,}. Use fewer of its {{fields}}")
    return _FIELD.sub(lambda match: values.get(match[1], match[0]), template)
