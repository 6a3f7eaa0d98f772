"""Practice in taking an operation from examples: one operation explains all of them, by a reading of its own."""

import itertools
import re

import pytest

from jielong.world import in_context_practice
from jielong.world.in_context_learning import ANSWER_WEIGHTS
from jielong.world.vocabulary import LANGUAGES, SampleRandom
from world.evaluator import continues

Pairs = list[tuple[str, str]]


def explained(pairs: Pairs) -> bool:
    """Whether one simple operation makes each answer from its question."""
    if all(re.fullmatch(r"\d+|\d+ [^\w\s] \d+", question) and answer.isdigit() for question, answer in pairs):
        *examples, (question, answer) = pairs
        if answer in continues(examples, question, []):
            return True
    return _moved(pairs) or _beside(pairs) or _labelled(pairs)


def _moved(pairs: Pairs) -> bool:
    """The same places of the words everywhere, some of them twice or not at all."""
    lengths = {len(question.split()) for question, _ in pairs}
    if len(lengths) > 1:
        return False
    places = range(lengths.pop())
    chosen = (order for n in (1, 2, 3) for order in itertools.product(places, repeat=n))
    return any(all(" ".join(q.split()[i] for i in order) == a for q, a in pairs) for order in chosen)


def _beside(pairs: Pairs) -> bool:
    """A word that always goes before or after."""
    (question, answer), *_ = pairs
    first, last = answer.removesuffix(question), answer.removeprefix(question)
    return all(a == first + q for q, a in pairs) or all(a == q + last for q, a in pairs)


def _labelled(pairs: Pairs) -> bool:
    """One of a few names for each word, the same one wherever the word comes again."""
    names: dict[str, str] = {}
    return len({a for _, a in pairs}) <= 3 and all(names.setdefault(q, a) == a for q, a in pairs)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", list(in_context_practice._PRACTICE))
def test_one_operation_explains_all_examples(language, kind):
    rng = SampleRandom(f"practice {kind}", language)
    make, most, *_ = in_context_practice._PRACTICE[kind]
    for _ in range(60):
        generate = make(rng)
        pairs = [generate(i) for i in range(most + 1)]
        assert explained(pairs), pairs


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_answer_counts_more_the_more_examples_are_before_it(language):
    rng = SampleRandom("weights", language)
    shown = 0
    for _ in range(200):
        document = in_context_practice.in_context_document(rng)
        roles = [turn.role for turn in document.turns]
        assert roles == ["user", "assistant"] * (len(roles) // 2)
        weights = [turn.weight for turn in document.turns if turn.role == "assistant"]
        assert weights == sorted(weights)
        assert weights[-1] == ANSWER_WEIGHTS[2] or len(weights) < 3
        shown += weights[0] > ANSWER_WEIGHTS[0]
    assert 50 < shown < 150
