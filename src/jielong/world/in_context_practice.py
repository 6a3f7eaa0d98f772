"""What teaches mini to take an operation from examples: those of the exam, easier ones before them, and layouts.

A word that is moved must be known by its place among words, which is hard while words are of several tokens. So there
are letters, digits and short words first, one and two words before three. A name for a group is easy where the same
words come again, and so they often do.
"""

from collections.abc import Callable
from functools import cache

from ..prompts import Language
from .grammar import grammar
from .in_context_learning import (
    ANSWER_WEIGHTS,
    GROUPS,
    KINDS,
    MAX_EXAMPLES,
    WORD_OPERATIONS,
    ExampleGenerator,
    Lesson,
)
from .training_examples import Document, Turn, user_turn
from .vocabulary import SampleRandom, wordlists

ONE_WORD: dict[str, Callable[[str], str]] = {
    "same": lambda a: a,
    "twice": lambda a: f"{a} {a}",
}
TWO_WORDS: dict[str, Callable[[str, str], str]] = {
    "first": lambda a, b: a,
    "last": lambda a, b: b,
    "swapped": lambda a, b: f"{b} {a}",
    "same": lambda a, b: f"{a} {b}",
    "first twice": lambda a, b: f"{a} {a}",
    "last twice": lambda a, b: f"{b} {b}",
}
LETTERS, DIGITS = "abcdefghijklmnopqrstuvwxyz", "0123456789"


def in_context_document(rng: SampleRandom) -> Document:
    """Mostly a long conversation: each answer after the first two takes the operation from the examples before it."""
    generate, limit = _operation(rng)
    shown = rng.choices((0, 1, 2, 3, 4, 6), (8, 0.3, 0.7, 1, 2, 1))[0]
    count = rng.randint(limit // 2, limit) if not shown else shown + rng.randint(1, max(1, limit // 2 - shown))
    lesson = distinct_examples(generate, count)
    pairs = [*lesson.examples, (lesson.question, lesson.answer)]
    turns: list[Turn] = []
    if shown:
        example, ask, separator = _layout(rng)
        lines = [example.format(q=q, a=a) for q, a in pairs[:shown]]
        question, answer = pairs[shown]
        text = separator.join([*lines, ask.format(q=question)])
        heading = rng.phrase("listed") if rng.chance(0.5) else ""
        turns = [user_turn(f"{heading}\n{text}" if heading else text, 0.0), _answer(shown, answer)]
    else:
        ask = "{q}" if rng.chance(0.7) else _layout(rng)[1]
    for i, (question, answer) in enumerate(pairs[shown + 1 if shown else 0 :], start=shown + 1 if shown else 0):
        turns += [user_turn(ask.format(q=question), 0.0), _answer(i, answer)]
    return Document("in_context", tuple(turns))


def _answer(examples: int, answer: str) -> Turn:
    return Turn("assistant", answer, ANSWER_WEIGHTS[min(examples, 2)])


def _layout(rng: SampleRandom) -> tuple[str, str, str]:
    example, ask, separator = rng.choice(grammar(rng.language)["example_layout"]).split("\t")
    return example, ask, separator


def distinct_examples(generate: ExampleGenerator, examples: int) -> Lesson:
    """Up to `examples` examples and a question; where the words are few, the same questions come again."""
    pairs = [generate(i) for i in range(examples + 1)]
    *solved, (question, answer) = pairs
    return Lesson(tuple(solved), question, answer)


def _operation(rng: SampleRandom) -> tuple[ExampleGenerator, int]:
    """An operation, and how many examples of it are a long conversation."""
    kind = rng.choices(list(_PRACTICE), _EARLY_SHARES if rng.short else _SHARES)[0]
    generate, limit, *_ = _PRACTICE[kind]
    return generate(rng), limit


def _easy_words(rng: SampleRandom) -> Callable[[int], list[str]]:
    """Draws different words that are mostly of one token, from one pool."""
    pool = rng.choice(_pools(rng.language))
    return lambda n: rng.sample(pool, n)


@cache
def _pools(language: Language) -> tuple[list[str], ...]:
    words = wordlists(language)["words"]["common"]
    if language == "zh":
        signs = sorted({sign for word in (*words, *_vocabulary("zh")) for sign in word})
        return list(LETTERS), list(DIGITS), signs, signs
    return list(LETTERS), list(DIGITS), [word for word in words if len(word) > 1], list(LETTERS.upper())


def _vocabulary(language: Language) -> list[str]:
    return [word for group in GROUPS for word in wordlists(language)["words"][group]]


def _draw_words(rng: SampleRandom) -> Callable[[int], list[str]]:
    """Draws different words: easy ones, those of the world, or invented names."""
    source = rng.choice(("easy", "world", "names"))
    if source == "easy":
        return _easy_words(rng)
    if source == "world":
        vocabulary = _vocabulary(rng.language)
        return lambda n: rng.sample(vocabulary, n)
    return lambda n: [name.text(rng.language) for name in rng.names(n)]


def _moved(rng: SampleRandom, draw: Callable[[int], list[str]], count: int) -> ExampleGenerator:
    """An operation on `count` words, or a fixed word before or after one."""
    if count == 1:
        fixed = draw(1)[0]
        ways: list[Callable[[str], str]] = [*ONE_WORD.values()]
        ways += [lambda a: f"{fixed} {a}", lambda a: f"{a} {fixed}"] * 2
        way = rng.choice(ways)

        def single(_: int) -> tuple[str, str]:
            word = draw(1)[0]
            return word, way(word)

        return single
    operations: list[Callable[..., str]] = list((TWO_WORDS if count == 2 else WORD_OPERATIONS).values())
    operation = rng.choice(operations)

    def generate(_: int) -> tuple[str, str]:
        words = draw(count)
        return " ".join(words), operation(*words)

    return generate


def _easy_moves(rng: SampleRandom) -> ExampleGenerator:
    return _moved(rng, _easy_words(rng), rng.choice((1, 2, 2, 3) if rng.short else (1, 2, 3, 3)))


def _moves(rng: SampleRandom) -> ExampleGenerator:
    return _moved(rng, _draw_words(rng), rng.choice((1, 2, 2, 3, 3) if rng.short else (1, 2, 3, 3, 3)))


def _label_pair(rng: SampleRandom, count: int) -> list[str]:
    """Names for groups: one letter, one digit, a word or an invented name."""
    source = rng.choice(
        ("letters", "digits", "words") if rng.short else ("letters", "digits", "words", "names", "names")
    )
    if source == "letters":
        return rng.sample(LETTERS.upper(), count)
    if source == "digits":
        return rng.sample(DIGITS, count)
    if source == "words":
        return rng.sample([word for word in _pools(rng.language)[2] if len(word) < 5], count)
    return [name.text(rng.language) for name in rng.names(count)]


def _groups(rng: SampleRandom, few: bool) -> ExampleGenerator:
    """Names for groups of words; `few`: each group has two to four words, which come again and again."""
    groups = [_word_groups(rng.language)[key] for key in rng.sample(_GROUP_KEYS, rng.choice((2, 2, 2, 3)))]
    if few:
        groups = [rng.sample(group, min(len(group), rng.randint(2, 4))) for group in groups]
    labels = _label_pair(rng, len(groups))

    def generate(i: int) -> tuple[str, str]:
        index = i if i < len(groups) else rng.randrange(len(groups))  # all labels are shown
        return rng.choice(groups[index]), labels[index]

    return generate


@cache
def _word_groups(language: Language) -> dict[str, list[str]]:
    groups = {group: list(wordlists(language)["words"][group]) for group in GROUPS}
    groups |= {key: list(grammar(language)[f"group_{key}"]) for key in FURTHER_GROUPS}
    return groups | {"letters": list(LETTERS), "digits": list(DIGITS)}


FURTHER_GROUPS = (
    "body",
    "time",
    "vehicles",
    "clothes",
    "weather",
    "furniture",
    "verbs",
    "feelings",
    "nature",
    "family",
)
_GROUP_KEYS = (*GROUPS, *FURTHER_GROUPS, "letters", "digits")

# what is practised: (generator, examples of a long conversation, share, share in the early stage)
_PRACTICE: dict[str, tuple[Callable[[SampleRandom], ExampleGenerator], int, float, float]] = {
    "constant": (KINDS["constant"], MAX_EXAMPLES["constant"], 1, 1),
    "pairs": (KINDS["pairs"], MAX_EXAMPLES["pairs"], 1, 1),
    "words": (KINDS["words"], MAX_EXAMPLES["words"], 3, 1),
    "easy moves": (_easy_moves, 12, 2, 5),
    "moves": (_moves, 9, 2, 1),
    "labels": (KINDS["labels"], MAX_EXAMPLES["labels"], 2, 1),
    "few words": (lambda rng: _groups(rng, True), 16, 1, 3),
    "groups": (lambda rng: _groups(rng, False), 18, 2, 2),
}
_SHARES = [share for *_, share, _ in _PRACTICE.values()]
_EARLY_SHARES = [share for *_, share in _PRACTICE.values()]
