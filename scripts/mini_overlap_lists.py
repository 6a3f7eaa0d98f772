"""What exams have from lists that training has not: real names, topics of tools, pairs of towns, sums to judge."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache
from itertools import chain

from jielong.prompts import Language
from jielong.prompts import language as language_of
from jielong.world import conversation, people, tool_topics, towns_map
from jielong.world.grammar import grammar
from jielong.world.names import split_bucket
from jielong.world.training_examples import Document
from jielong.world.vocabulary import LANGUAGES

OUTSIDE = ("outside_country", "outside_city", "outside_celebrity", "outside_work", "outside_brand", "persona_name")
STORIES = ("word_she", "word_he", "word_place", "word_country")
WORD_PROBLEMS = ("direct", "steps", "expression", "judging", "several", "calculator")
_TOOL = re.compile(r"^- (.*?): [\w.-]+\(", re.MULTILINE)
_SUM = re.compile(r"\d+")


class ListedThings:
    """Counts of what no training document may have."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def read(self, document: Document) -> None:
        texts = [turn.text for turn in document.turns if turn.role != "tools"]
        for text in texts:
            pattern = _real_names(document.kind, language_of(text))
            self._counts["real names"] += len(pattern.findall(text)) if pattern else 0
        for turn in document.turns:
            if document.kind in ("map", "true_false") and turn.role != "assistant":
                sentences = re.split(r"(?<=[.?!。？！])|\n", turn.text)
                self._counts["pairs of towns"] += sum(map(_held_out_pair, sentences))
            if document.kind == "true_false" and turn.role == "user":
                self._counts["sums to judge"] += _held_out_sum(turn.text)
            if turn.role == "tools":
                described = {words.rstrip(".。") for words in _TOOL.findall(turn.text)}
                self._counts["topics of tools"] += len(described & _held_out_descriptions())

    def counts(self) -> dict[str, int]:
        kinds = ("real names", "topics of tools", "pairs of towns", "sums to judge")
        return {kind: self._counts[kind] for kind in kinds}


@cache
def _real_names(kind: str, language: Language) -> re.Pattern[str] | None:
    """The names that only exams may have in a document of this kind."""
    if kind in ("outside", "talk", "system", "follow_up"):
        lists = [conversation._words(language, rule) for rule in OUTSIDE]
        known = " ".join(chain(*(training for training, _ in lists)))
        names = {name for _, exams in lists for name in exams if name not in known}
    elif kind == "reading":
        names = {name for rule in STORIES for name in grammar(language)[rule] if split_bucket("word", name) == 0}
    elif kind in WORD_PROBLEMS:
        names = {name for pronoun in ("he", "she") for name in people.first_names(language, pronoun, True)}
    else:
        return None
    return _any_of(name for name in names if name.isascii() == (language == "en"))


def _any_of(names: Iterable[str]) -> re.Pattern[str]:
    """Names as whole words; in Chinese not as a part of the name of a language or a street."""
    longest_first = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.compile(rf"(?<![A-Za-z])(?:{longest_first})(?![A-Za-z话路])")


@cache
def _held_out_descriptions() -> frozenset[str]:
    rules = (f"does_{topic}" for topic in tool_topics.HELD_OUT_TOPICS)
    return frozenset(
        form.rstrip(".。")
        for rule in rules
        for language in LANGUAGES
        for line in grammar(language)[rule]
        for form in _forms(line)
    )


def _forms(line: str) -> list[str]:
    choice = re.search(r"\[([^\[\]]*)\]", line)
    if not choice:
        return [line]
    parts = choice[1].split("|")
    return [form for part in parts for form in _forms(line[: choice.start()] + part + line[choice.end() :])]


@cache
def _towns() -> dict[str, towns_map.Town]:
    return {town.name.text(language): town for town in towns_map.towns() for language in LANGUAGES}


@cache
def _town_pattern(language: Language) -> re.Pattern[str]:
    names = sorted((name for name in _towns() if name.isascii() == (language == "en")), key=len, reverse=True)
    edge = r"\b" if language == "en" else ""
    return re.compile(f"{edge}(?:{'|'.join(names)}){edge}")


def _held_out_pair(sentence: str) -> bool:
    """Whether a sentence says how two towns lie from each other that no training document brings together."""
    named = list(dict.fromkeys(_town_pattern(language_of(sentence)).findall(sentence)))
    return len(named) == 2 and towns_map.pair_held_out(*(_towns()[name] for name in named))


def _held_out_sum(text: str) -> bool:
    """Whether a claim on a + b is about two numbers of the exams; what they make stands before or after them."""
    numbers = [int(number) for number in _SUM.findall(text)]
    if len(numbers) != 3:
        return False
    whole_first = re.match(r"\D*\d+(?: (?:is|isn't|is not) |(?:是|等于|不是|并不是|不等于)\d)", text) is not None
    pair = numbers[1:] if whole_first and numbers[0] > max(numbers[1:]) else numbers[:2]
    if re.search(r"\b[Aa]dding \d+ to", text):
        pair.reverse()
    return split_bucket("sum", *pair) == 0
