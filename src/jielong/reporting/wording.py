"""The words of reports in the reader's language. `Backticks` in them stand around recipes."""

from __future__ import annotations

import os
import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Literal, TypeAlias

from markupsafe import Markup, escape

Language = Literal["en", "zh"]
Words: TypeAlias = dict[str, dict[str, str]]


def language() -> Language:
    """That of the user: JIELONG_LANG, else LC_ALL, LC_MESSAGES, LANG."""
    names = ("JIELONG_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
    chosen = next((value for name in names if (value := os.environ.get(name))), "")
    return "zh" if chosen.lower().startswith("zh") else "en"


@cache
def words(language: Language) -> Words:
    """The sections of words/LANGUAGE.toml."""
    loaded: Words = tomllib.loads(files(__package__).joinpath(f"words/{language}.toml").read_text("utf-8"))
    return loaded


def code_markup(sentence: str) -> Markup:
    """The sentence with what stands in backticks set as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(sentence))))


def plain_text(sentence: str) -> str:
    """The sentence for a terminal."""
    return sentence.replace("`", "")


def sentences(*parts: str) -> str:
    """Those that are not empty in a row; Chinese ones have no space between them."""
    present = [part for part in parts if part]
    return (" " if all(part[-1] in ".!?" for part in present) else "").join(present)
