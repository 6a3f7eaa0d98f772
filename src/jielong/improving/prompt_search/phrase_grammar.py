"""A small grammar of the phrases that prompts are made of, and the cutting of a prompt into its phrases.

The grammar is data, `phrases/en.toml` and `zh.toml`: slots in the order in which they stand in a prompt, each a list of
forms, where `[a|b]` is a choice. The slot `format` has forms for each answer rule. Prasad et al. (2022) cut with a
constituency parser; here sentences are cut, and long ones at their commas and colons.
"""

import itertools
import random
import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from ...prompts import Language

LONG = 12  # words from which on a sentence is cut at its commas; two Chinese characters count as one


class Grammar:
    def __init__(self, language: Language, rule: str) -> None:
        data = _data(language)
        self.slots: dict[str, tuple[str, ...]] = {}
        for slot, forms in data["slots"].items():
            every = [*forms.get("any", []), *forms.get(rule, [])] if isinstance(forms, dict) else forms
            if every:
                self.slots[slot] = tuple(every)
        self.language = language

    def phrase(self, rng: random.Random, slot: str | None = None) -> str:
        """A phrase of this slot, or of any: forms are equally likely, and so are the choices in a form."""
        form = rng.choice(self.slots[slot] if slot else [form for forms in self.slots.values() for form in forms])
        return re.sub(r"\[([^\]]*)\]", lambda match: rng.choice(match[1].split("|")), form)

    def slot_of(self, phrase: str) -> str | None:
        return next((s for s, forms in self.slots.items() if any(phrase in _readings(form) for form in forms)), None)

    def prompt(self, rng: random.Random, phrases: int) -> str:
        """A prompt of so many phrases from different slots, in the order of the grammar."""
        chosen = rng.sample(list(self.slots), min(phrases, len(self.slots)))
        return joined([self.phrase(rng, slot) for slot in self.slots if slot in chosen], self.language)


@cache
def _readings(form: str) -> frozenset[str]:
    parts = re.split(r"\[([^\]]*)\]", form)
    choices = (part.split("|") if i % 2 else [part] for i, part in enumerate(parts))
    return frozenset(map("".join, itertools.product(*choices)))


@cache
def _data(language: Language) -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath(f"phrases/{language}.toml").read_text("utf-8"))


def cut(text: str) -> list[str]:
    """The phrases of a prompt, in order; `joined` puts them together again."""
    sentences = re.findall(r"\S.*?(?:[.!?;](?=\s)|[。！？；]|$)", text, re.DOTALL | re.MULTILINE)
    phrases: list[str] = []
    for sentence in sentences:
        long = len(re.findall(r"[\u3400-\u9fff]{1,2}|[^\W\u3400-\u9fff]+", sentence)) >= LONG
        pieces = re.findall(r"\S.*?(?:[,:](?=\s)|[，：]|$)", sentence, re.DOTALL) if long else [sentence]
        phrases += [piece.strip() for piece in pieces if piece.strip()]
    return phrases


def joined(phrases: list[str], language: Language) -> str:
    """One text: its first letter large, no comma at its end."""
    text = ("" if language == "zh" else " ").join(phrases).strip()
    text = re.sub(r"[,:;，：；]$", "。" if language == "zh" else ".", text)
    return text[:1].upper() + text[1:]
