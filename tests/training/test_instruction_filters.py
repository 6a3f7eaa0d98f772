"""What is new, and what is worth learning; the cases stand in instructions_as_met.py."""

import random

import pytest

from jielong.training.instructions.novelty import NoveltyFilter, common_subsequence, rouge_l, rouge_tokens
from jielong.training.instructions.quality import fault_of_answer, fault_of_instruction
from training.instructions_as_met import NOVELTY_CASES, QUALITY_CASES

FAULTS = {"cannot be seen": "cannot_see", "prompt": "prompt_words", "language": "other_language"}


@pytest.mark.parametrize(("earlier", "text", "new"), NOVELTY_CASES, ids=lambda value: str(value)[:40])
def test_what_is_like_an_earlier_instruction_is_not_new(earlier: str, text: str, new: bool):
    assert (NoveltyFilter([earlier, "Something else entirely."]).near(text) is None) == new


@pytest.mark.parametrize(("instruction", "answer", "fault"), QUALITY_CASES, ids=lambda value: str(value)[:40])
def test_what_is_wrong_with_an_instruction_and_its_answer(instruction: str, answer: str, fault: str):
    found = fault_of_instruction(instruction) or fault_of_answer(instruction, answer) or ""
    assert found == FAULTS.get(fault, fault)


def test_rouge_is_that_of_the_library():
    scorer = pytest.importorskip("rouge_score.rouge_scorer").RougeScorer(["rougeL"])
    rng = random.Random(0)
    for _ in range(200):
        one, other = (" ".join(rng.choices("abcdefgh", k=rng.randint(1, 12))) for _ in range(2))
        expected = scorer.score(one, other)["rougeL"].fmeasure
        assert rouge_l(rouge_tokens(one), rouge_tokens(other)) == pytest.approx(expected)


def test_the_filter_misses_no_pair_that_comparing_all_would_find():
    rng = random.Random(1)
    texts = [" ".join(rng.choices("abcdef", k=rng.randint(2, 9))) for _ in range(150)]
    known = NoveltyFilter()
    for i, text in enumerate(texts):
        expected = any(rouge_l(rouge_tokens(text), rouge_tokens(other)) >= 0.7 for other in texts[:i])
        assert (known.near(text) is not None) == expected
        known.add(text)


def test_a_subsequence_has_the_length_of_the_table():
    rng = random.Random(2)
    for _ in range(100):
        a, b = (rng.choices("abc", k=rng.randint(0, 9)) for _ in range(2))
        table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
        for i, x in enumerate(a):
            for j, y in enumerate(b):
                table[i + 1][j + 1] = table[i][j] + 1 if x == y else max(table[i][j + 1], table[i + 1][j])
        assert common_subsequence(a, b) == table[-1][-1]
