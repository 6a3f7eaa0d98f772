"""Errors, notes and reasons in the reader's language.

The code raises and notes in English, so that logs, tests and `str(error)` are the same everywhere. Where a person
reads them (the command line, a report), `translate` looks the sentence up in templates/messages.zh.toml, whose keys are
the English sentences with {placeholders}. In a translation, {name} takes over what stood there and {name:t} translates
it, too. What is not in the catalogue, such as the words of an endpoint, stays as it is.
"""

import re
import string
import tomllib
from functools import cache

from .html_page import read_template
from .wording import Language

_DEEPEST = 4  # sentences within sentences


def translate(text: str, language: Language) -> str:
    """`text` in `language`; unchanged where the catalogue has no such sentence."""
    return text if language == "en" else _translate(text, _DEEPEST)


def _translate(text: str, depth: int) -> str:
    for pattern, translation in _catalogue() if depth else ():
        if match := pattern.fullmatch(text):
            return _Filler(depth).vformat(translation, (), match.groupdict())
    return text


class _Filler(string.Formatter):
    def __init__(self, depth: int) -> None:
        self.depth = depth

    def format_field(self, value: str, format_spec: str) -> str:
        return _translate(value, self.depth - 1) if format_spec == "t" else value


@cache
def _catalogue() -> list[tuple[re.Pattern[str], str]]:
    """Patterns and translations, the most precise ones first."""
    pairs = tomllib.loads(read_template("messages.zh.toml")).items()
    return [(_pattern(key), translation) for key, translation in sorted(pairs, key=_precision)]


def _precision(pair: tuple[str, str]) -> tuple[bool, int]:
    """Sentences that begin with words of their own come before those that begin with anything; then the longer."""
    texts = [text for text, *_ in string.Formatter().parse(pair[0])]
    return not texts[0], -sum(map(len, texts))


def _pattern(key: str) -> re.Pattern[str]:
    parts = [re.escape(text) + (f"(?P<{name}>.*?)" if name else "") for text, name, *_ in string.Formatter().parse(key)]
    return re.compile("".join(parts), re.S)
