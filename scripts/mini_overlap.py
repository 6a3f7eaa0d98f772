"""What mini's exams share with its training, looked for in the texts themselves: every count should be 0.

python scripts/mini_overlap.py --documents 300000
"""

from __future__ import annotations

import argparse
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain

from mini_overlap_lists import ListedThings

from jielong.tasks.mini_tasks import built_in
from jielong.training.mini_exam_forms import CHINESE_NAME, NAME, bare_sentences, exam_forms, has_exam_form
from jielong.world import document, facts, plain_arithmetic, word_problems
from jielong.world.grammar import grammar
from jielong.world.names import reserved_names
from jielong.world.training_examples import Document
from jielong.world.vocabulary import LANGUAGES, SampleRandom, wordlists

TASKS = (
    "word_problems",
    "unseen_facts/with_document",
    "reading",
    "stories",
    "documents",
    "judging",
    "tools",
    "tool_calls",
    "json",
    "true_false",
    "map",
    "game24",
    "follow_up",
    "arithmetic",
)
CHAIN = re.compile(r"(?:\d+[-+*/]\d+=\d+\. ?)+")
GAME = re.compile(r"\d+(?:, \d+){3}")


def overlap(documents: Iterable[Document], items: int) -> dict[str, int]:
    """Counts of what `items` items of each task and language have in common with `documents`."""
    asked: set[str] = set()
    names: set[str] = set()
    chains: set[str] = set()
    games: set[str] = set()
    sentences: set[str] = set()
    judged: dict[str, list[str]] = defaultdict(list)
    known = {name.text("en") for name in reserved_names()} | _words_like_names()
    operations: set[tuple[str, ...]] = set()
    listed = ListedThings()
    for made in documents:
        listed.read(made)
        if made.kind == "in_context":
            operations.update(_operation([turn.text for turn in made.turns]))
        for turn in made.turns:
            names.update(name for name in NAME.findall(turn.text) if name not in known)
            sentences.update(bare_sentences(turn.text))
            if turn.role == "user":
                asked.add(turn.text)
                games.update(_games(turn.text))
                if made.kind == "true_false":
                    for name in {*NAME.findall(turn.text), *CHINESE_NAME.findall(turn.text)}:
                        judged[name].append(turn.text)
            if turn.role == "assistant":
                chains.update(found.strip() for found in CHAIN.findall(turn.text))
    exams = [item for task in TASKS for language in LANGUAGES for item in _items(task, language, items)]
    lessons = [
        [message.text for message in item.request().messages]
        for language in ("", "/zh")
        for item in built_in(f"mini:in_context{language}", items, 1).items
    ]
    in_exams = {name for text in exams for name in NAME.findall(text) if name not in known}
    return {
        "documents read": len(asked),
        "questions": sum(text in asked for text in exams),
        "names": len(in_exams & names),
        "chains of calculation": len(_exam_chains(items) & chains),
        "operations": len({found for turns in lessons for found in _operation(turns)} & operations),
        "sentence forms": len(exam_forms(items, "forms") & sentences),
        "facts judged": sum(_judged(fact, judged) for fact in _judged_in_exams(items)),
        "numbers to make 24 from": sum(
            game in games for text in _items("game24", "en", items) for game in _games(text)
        ),
    } | listed.counts()


@cache
def _words_like_names() -> set[str]:
    """Words and real names of the grammar that could be invented names, as Kate and Some."""
    lines = chain(*grammar("en").values(), *(str(names).split() for names in wordlists("en")["people"].values()))
    words = {word.capitalize() for line in lines for word in re.findall(r"[A-Za-z]+", line)}
    return {word for word in words if NAME.fullmatch(word)}


def _games(text: str) -> list[str]:
    """Four numbers, in whatever order they are given."""
    return [", ".join(sorted(found.split(", "))) for found in GAME.findall(text)]


def _items(task: str, language: str, items: int) -> Iterator[str]:
    name, _, variant = task.partition("/")
    spec = f"mini:{name}/{language}" + (f"/{variant}" if variant else "")
    for item in built_in(spec, items, 1).items:
        yield item.request().messages[-1].text


def _operation(turns: list[str]) -> Iterator[tuple[str, ...]]:
    """The one number that is added, or that is multiplied by, in all examples of a lesson; or its pairs of numbers."""
    for pair in re.findall(r"(\d+) [@#$%&~] (\d+)", "\n".join(turns)):
        yield "pair", *pair
    if len(turns) < 4 or not all(text.isdigit() for text in turns):
        return
    pairs = [(int(x), int(y)) for x, y in zip(turns[::2], turns[1::2], strict=False)]
    if len(added := {y - x for x, y in pairs}) == 1:
        yield "+", str(added.pop())
    elif all(x and y % x == 0 for x, y in pairs) and len(times := {y // x for x, y in pairs}) == 1:
        yield "*", str(times.pop())


def _exam_chains(items: int) -> set[str]:
    draws = [SampleRandom(f"chains {language}", language, held_out=True) for language in LANGUAGES]
    problems = (word_problems.sample_problem(rng, n) for rng in draws for n in (2, 3, 4, 5) for _ in range(items))
    sums = (plain_arithmetic.sample_calculation(rng) for rng in draws for _ in range(items))
    return {made.chain for made in (*problems, *(made for made in sums if len(made.steps) > 1))}


def _judged_in_exams(items: int) -> set[facts.Fact]:
    rng = SampleRandom("claims", "en", held_out=True)
    return {facts.sample_judged_fact(rng) for _ in range(items)}


def _judged(fact: facts.Fact, judged: dict[str, list[str]]) -> bool:
    """Whether some claim about this fact, true or false, is among the judged texts: its subject and such a value.

    A baker (面包师) is no bread (面包).
    """
    for language in LANGUAGES:
        subject = fact.subject.text(language)
        values = [value.text(language) for value in facts.knowledge_base().values[fact.relation]]
        for text in judged.get(fact.subject.name.text(language), ()):
            rest = CHINESE_NAME.sub("", text.replace(subject, ""))
            valued = any(re.search(rf"\b{re.escape(v)}\b" if v.isascii() else f"{v}(?!师)", rest) for v in values)
            spoken_of = fact.relation in _OF_ITS_VALUES or _RELATION_WORDS[fact.relation].search(rest)
            if subject in text and valued and spoken_of:
                return True
    return False


_OF_ITS_VALUES = ("job", "food", "pet", "material", "colour", "place")  # no other relation has these values
_RELATION_WORDS = {
    "birthplace": re.compile(r"born|birth|native|home town|from|life|light|出生|来自|生|家乡|故乡|籍贯|老家|人。"),
    "country": re.compile(r"国"),
    "river": re.compile(r"river|The [A-Z]|water|河"),
}


def training(count: int) -> Iterator[Document]:
    for number in range(count):
        made = document(1, number << 9, ("main", "early")[number % 2])
        if not has_exam_form(made):
            yield made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=300_000)
    parser.add_argument("--items", type=int, default=500)
    told = parser.parse_args()
    print(json.dumps(overlap(training(told.documents), told.items), indent=1))


if __name__ == "__main__":
    main()
