"""Decontamination: which sentences the exams of mini have, so that training documents with one of them are left out.

Forms are held out rule by rule, and words of one rule can make a sentence of another by chance: about one document in
a thousand has such a sentence. Names and numbers do not count: "Lena was born in Duvo." and "Gawi was born in Sila."
are one form.
"""

import re
from collections.abc import Iterator
from functools import cache

from ..prompts import Language
from ..world import facts, follow_ups, towns_map, word_problems
from ..world.grammar import is_split
from ..world.names import SYLLABLES
from ..world.training_examples import Document
from ..world.vocabulary import LANGUAGES, SampleRandom

NAME = re.compile(rf"\b(?:{'|'.join(s.capitalize() for s in SYLLABLES)})(?:{'|'.join(SYLLABLES)}){{1,2}}\b")
CHINESE_NAME = re.compile(f"[{''.join(dict.fromkeys(''.join(SYLLABLES.values())))}]{{2,3}}")
EXAM_ITEMS = 3_000


def has_exam_form(document: Document) -> bool:
    return any(not _exam_forms().isdisjoint(bare_sentences(turn.text)) for turn in document.turns)


def bare_sentences(text: str) -> Iterator[str]:
    """The sentences of a text without their names, numbers and capitals."""
    for sentence in re.split(r"(?<=[.?!]) |(?<=[。？！])|\n", text):
        yield _bare(sentence)


def _bare(text: str) -> str:
    return re.sub(r"\d+", "#", CHINESE_NAME.sub("@", NAME.sub("@", text))).casefold()


def exam_forms(items: int, seed: str) -> frozenset[str]:
    """The forms of `items` exam items of each kind and language: sentences with a name or a number in them."""
    sentences = (text for language in LANGUAGES for text in _exam_sentences(language, items, seed))
    return frozenset(form for form in map(_bare, sentences) if re.search("[@#]", form))


@cache
def _exam_forms() -> frozenset[str]:
    return exam_forms(EXAM_ITEMS, "decontamination")


def _exam_sentences(language: Language, items: int, seed: str) -> Iterator[str]:
    rng = SampleRandom(f"{seed} {language}", language, held_out=True)
    ends = {"en": ".", "zh": "。"}
    for number in range(items):
        for rule, words in word_problems.sample_problem(rng, number % 5 + 1).told:
            if is_split(language, rule) and not rule.startswith("next_"):  # "@ has # less than @" is of two rules
                yield words if words[-1] in ".?!？。" else words + ends[language]
        fact = facts.sample_fact(rng)
        yield from (text for text in (fact.statement(rng), fact.negation(rng), fact.question(rng)))
        found = towns_map.sample_relationship(rng, rng.choice(list(towns_map.SHARES)))
        yield from (found.statement(rng), found.question(rng))
        yield from (e.request for e in follow_ups.sample_follow_up(rng, 3) if e.fact)
