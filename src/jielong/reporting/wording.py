"""The words of reports in the reader's language. `Backticks` in them stand around recipes."""

from __future__ import annotations

import os
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from markupsafe import Markup

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
    return tomllib.loads((Path(__file__).parent / f"words/{language}.toml").read_text("utf-8"))


def code_markup(sentence: str) -> Markup:
    """The sentence with what stands in backticks set as code."""
    from markupsafe import Markup, escape  # every command reads its words here, and few write a page

    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(sentence))))


def plain_text(sentence: str) -> str:
    """The sentence for a terminal."""
    return sentence.replace("`", "")


def sentences(*parts: str) -> str:
    """Those that are not empty in a row; Chinese ones have no space between them."""
    present = [part for part in parts if part]
    return (" " if all(part[-1] in ".!?" for part in present) else "").join(present)
