"""The sentence forms of the world: a small grammar for each language, in `en/*.toml` and `zh/*.toml`.

A rule is a list of lines. In a line `<name>` stands for any line of the rule `name`, `[a|b]` for either, and `{slot}`
is filled in later; choices with a `~`, as in `[one|many]~ [book|books]~`, are made alike. A form is a line with every
choice made. A tenth of the forms of each rule that is asked for is held out: a new combination of words that other
forms teach.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import random
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from importlib.resources import files

from ..prompts import Language
from .draws import first_fitting
from .names import HELD_OUT_PART, split_bucket

FEW = 2_000  # up to so many forms are listed and split exactly; more are split by the hash of each
_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_RULE = re.compile(r"<([a-z_]+)>")
_ALIKE = re.compile(r"\[([^\[\]]*)\]~")


def sample_form(rng: random.Random, language: Language, rule: str, held_out: bool) -> str:
    """A form of `rule` from one side of the split.

    Raises KeyError for a rule that is not there, and ValueError for one that has no form on this side.
    """
    side = "held-out" if held_out else "training"
    if few := _listed_forms(language, rule):
        if not few[held_out]:
            raise ValueError(f"{language}: the rule {rule} has no {side} form: it needs more that share their words")
        return rng.choice(few[held_out])
    return first_fitting(
        lambda: _sample(rng, language, rule),
        lambda form: is_held_out(language, rule, form) == held_out,
        f"{language}: a {side} form of the rule {rule}",
    )


def sample_composed(compose: Callable[[], str], held_out: bool) -> str:
    """What `compose` makes of the forms of several rules, from one side of the split.

    The whole is split and not its parts, so every part is in training. Where parts are so few that nothing is found,
    an exam gets any form: its names and values are new all the same.
    """
    for _ in range(200):
        form = compose()
        if (split_bucket("form", form) == 0) == held_out:
            break
    return form


def any_form(rng: random.Random, language: Language, rule: str) -> str:
    """A form of `rule` from either side of the split, to be a part of a whole."""
    return _sample(rng, language, rule)


def form_of_line(rng: random.Random, language: Language, line: str) -> str:
    """A form of one line of a rule, from either side of the split."""
    return _sample_line(rng, language, line)


def is_held_out(language: Language, rule: str, form: str) -> bool:
    """Whether a form is kept from training."""
    if few := _listed_forms(language, rule):
        return form in few[True] and form not in few[False]
    return split_bucket("form", rule, form) == 0


def is_split(language: Language, rule: str) -> bool:
    """Whether some forms of a rule are held out: not where there are fewer than five."""
    return (few := _listed_forms(language, rule)) is None or few[False] != few[True]


@cache
def count_forms(language: Language, rule: str) -> int:
    """How many ways there are to read a rule."""
    return sum(_count_line(language, line) for line in grammar(language)[rule])


@cache
def grammar(language: Language) -> dict[str, tuple[str, ...]]:
    """All rules. Raises ValueError for a rule that two files hold, or that names one which none holds."""
    rules: dict[str, tuple[str, ...]] = {}
    for file in sorted(files(__package__).joinpath(language).iterdir(), key=lambda file: file.name):
        for rule, lines in tomllib.loads(file.read_text("utf-8")).items():
            if rule in rules:
                raise ValueError(f"{file.name}: the rule {rule} is in another file, too")
            rules[rule] = tuple(each for line in lines for each in _made_alike(line))
    used = {name for lines in rules.values() for line in lines for name in _RULE.findall(line)}
    if missing := used - rules.keys():
        raise ValueError(f"{language}: no rule is called {', '.join(sorted(missing))}")
    return rules


def _made_alike(line: str) -> list[str]:
    """A line for each way to make the choices that are made alike. Raises ValueError where they differ in number."""
    if not (choices := _ALIKE.findall(line)):
        return [line]
    ways = list(zip(*(choice.split("|") for choice in choices), strict=True))
    return [_chosen(line, iter(way)) for way in ways]


def _chosen(line: str, way: Iterator[str]) -> str:
    return _ALIKE.sub(lambda _: next(way), line)


def _sample(rng: random.Random, language: Language, rule: str) -> str:
    return _sample_line(rng, language, rng.choice(grammar(language)[rule]))


def _sample_line(rng: random.Random, language: Language, line: str) -> str:
    line = _CHOICE.sub(lambda choice: rng.choice(choice[1].split("|")), line)
    return _RULE.sub(lambda name: _sample(rng, language, name[1]), line)


def _count_line(language: Language, line: str) -> int:
    choices = math.prod(_count_choice(language, choice) for choice in _CHOICE.findall(line))
    return choices * math.prod(count_forms(language, name) for name in _RULE.findall(_CHOICE.sub("", line)))


def _count_choice(language: Language, choice: str) -> int:
    return sum(math.prod(count_forms(language, name) for name in _RULE.findall(each)) for each in choice.split("|"))


def _forms_of_line(language: Language, line: str) -> list[str]:
    parts = re.split(r"(\[[^\[\]]*\]|<[a-z_]+>)", line)
    return ["".join(combination) for combination in itertools.product(*(_forms_of(language, part) for part in parts))]


def _forms_of(language: Language, part: str) -> list[str]:
    if part.startswith("["):
        return [form for each in part[1:-1].split("|") for form in _forms_of_line(language, each)]
    if part.startswith("<"):
        return [form for line in grammar(language)[part[1:-1]] for form in _forms_of_line(language, line)]
    return [part]


@cache
def _listed_forms(language: Language, rule: str) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """The forms for training and for exams; of fewer than five, all on both sides. None where there are many."""
    if count_forms(language, rule) > FEW:
        return None
    every = list(dict.fromkeys(f for line in grammar(language)[rule] for f in _forms_of_line(language, line)))
    if len(every) < 5:
        return tuple(every), tuple(every)
    left = Counter(word for form in every for word in _words_and_slots(form))
    held_out: set[str] = set()
    for form in sorted(every, key=lambda form: hashlib.sha256(f"{rule} {form}".encode()).digest()):
        words = _words_and_slots(form)
        if all(left[word] > 1 for word in words):  # each stands in some form for training, too
            held_out.add(form)
            left.subtract(words)
        if len(held_out) * HELD_OUT_PART >= len(every):
            break
    sides = [form for form in every if form not in held_out], [form for form in every if form in held_out]
    return tuple(sides[0]), tuple(sides[1])


def _words_and_slots(form: str) -> set[str]:
    return set(re.findall(r"\{\w+\}|[a-z']+|[\u3400-\u9fff]", form.lower()))
