"""The task `format[/zh][/N]`: prompts with N instructions (three unless told) that a program can verify.

Generated from a seed, so that nobody has seen them. Instructions of one prompt can be followed together: each claims
what it decides of the reply, and no two claim the same. As all prompts have the same number of them, the mean of
`instructions` is IFEval's share of all instructions.
"""

import json
import random
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from ..errors import BadInput
from ..world.vocabulary import LANGUAGES, expand_alternatives
from .instructions import format as format_metric
from .item import Item, identified
from .task import Task

ITEMS, MOST_INSTRUCTIONS = 200, 5
_COUNTS: Mapping[str, Callable[[random.Random], int]] = {
    "words_least": lambda rng: rng.randrange(40, 201, 10),
    "words_most": lambda rng: rng.randrange(30, 121, 10),
    "sentences_least": lambda rng: rng.randint(3, 8),
    "sentences_most": lambda rng: rng.randint(2, 5),
    "paragraphs": lambda rng: rng.randint(2, 5),
    "bullets": lambda rng: rng.randint(3, 7),
    "repeat": lambda rng: rng.randint(2, 4),
    "placeholders": lambda rng: rng.randint(1, 3),
}
_CLAIMS = {  # what an instruction decides of the reply
    "words_least": "length", "words_most": "length", "sentences_least": "length", "sentences_most": "length",
    "paragraphs": "layout", "bullets": "layout", "json": "layout length start end commas",
    "language": "language words start end length", "include": "words", "avoid": "avoided", "repeat": "words",
    "capitals": "case start end", "lowercase": "case start end", "no_commas": "commas", "starts": "start",
    "ends": "end", "title": "title layout start", "quoted": "start end", "placeholders": "placeholders",
}  # fmt: skip


@cache
def words(language: str) -> Mapping[str, Any]:
    """What the built-in tasks say in a language."""
    return tomllib.loads(files(__package__).joinpath("words", f"{language}.toml").read_text("utf-8"))


def built_in(spec: str, limit: int | None, seed: int) -> Task:
    """The task that `spec` names, `limit` items (200 unless told). Raises BadInput."""
    options = spec.split("/")[1:]
    language = next((option for option in options if option in LANGUAGES), "en")
    numbers = [option for option in options if option not in LANGUAGES]
    if len(numbers) > 1 or any(number not in "12345" for number in numbers):
        raise BadInput(f"{spec}: after format may come /zh and the number of instructions, /1 to /{MOST_INSTRUCTIONS}")
    rng = random.Random(f"format {language} {numbers} {seed}")
    items = [_item(rng, language, int(numbers[0]) if numbers else 3) for _ in range(limit or ITEMS)]
    return Task(spec, identified(items), format_metric, "as this task is made", "instructions that can be verified")


def _item(rng: random.Random, language: str, n: int) -> Item:
    texts = words(language)["format"]
    ask = rng.choice([form for line in texts["ask"] for form in expand_alternatives(line)])
    sentences, instructions = [ask.format(topic=rng.choice(texts["topics"]))], []
    for name in _compatible(rng, list(texts["say"]), n):
        kind, said, options = _instruction(rng, name, texts, language)
        sentences.append(rng.choice(texts["say"][name]).format(**said))
        instructions.append([kind, options])
    separator = "" if language == "zh" else " "
    return Item("", separator.join(sentences), (json.dumps(instructions, ensure_ascii=False),))


def _compatible(rng: random.Random, names: list[str], n: int) -> list[str]:
    """`n` of them of which no two claim the same."""
    while True:
        chosen: list[str] = []
        claimed: set[str] = set()
        for name in rng.sample(names, len(names)):
            claims = set(_CLAIMS[name].split())
            if not claims & claimed and len(chosen) < n:
                chosen.append(name)
                claimed |= claims
        if len(chosen) == n:
            return chosen


def _instruction(
    rng: random.Random, name: str, texts: Mapping[str, Any], language: str
) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """The kind of instruction, what its sentence says, and its options."""
    kind, _, bound = name.partition("_") if name.endswith(("_least", "_most")) else (name, "", "")
    if name == "language":
        other = rng.choice([code for code in texts["languages"] if code != language])
        return kind, {"language": texts["languages"][other]}, {"language": other}
    if name in ("include", "avoid"):
        chosen = rng.sample(texts["words"], rng.randint(1, 3))
        return kind, {"words": _listed(chosen, language)}, {"words": chosen}
    if name in ("starts", "ends"):
        text = rng.choice(texts[name])
        return kind, {"text": text}, {"text": text}
    options: dict[str, Any] = {bound or "n": _COUNTS[name](rng)} if name in _COUNTS else {}
    said = {"n": next(iter(options.values()), "")}
    if name == "repeat":
        options["word"] = said["word"] = rng.choice(texts["words"])
    return kind, said, options


def _listed(chosen: list[str], language: str) -> str:
    return "、".join(f"“{word}”" for word in chosen) if language == "zh" else ", ".join(f'"{word}"' for word in chosen)
