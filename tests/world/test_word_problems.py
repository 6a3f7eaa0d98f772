"""Word problems: their chains are right, and their sentences say what is calculated, by a reader with its own verbs."""

import re
from collections import Counter
from fractions import Fraction

import pytest

from jielong.world import people, word_problems
from jielong.world.vocabulary import LANGUAGES, SampleRandom
from world.evaluate_problems import solve
from world.evaluate_scenes import solve_scene

DRAWS = [(language, held_out) for language in LANGUAGES for held_out in (False, True)]


@pytest.mark.parametrize(("language", "held_out"), DRAWS)
def test_every_chain_is_right_and_its_expression_gives_the_answer(language: str, held_out: bool):
    rng = SampleRandom("chains", language, held_out)  # type: ignore[arg-type]
    for i in range(150 if held_out else 500):
        problem = word_problems.sample_problem(rng, i % 5 + 1)
        assert len(problem.steps) == i % 5 + 1
        assert eval(problem.expression) == problem.answer
        assert 0 < problem.answer < 1000
        assert problem.held_out == held_out
        value = None
        for expression, result in problem.steps:
            assert Fraction(eval(expression)) == result
            assert value is None or str(value) in expression.replace("*", "+").replace("-", "+").replace(
                "/", "+"
            ).split("+")
            value = result


@pytest.mark.parametrize(("language", "held_out"), DRAWS)
def test_the_sentences_of_problems_say_what_is_calculated(language: str, held_out: bool):
    """Problems that are one form, comparisons and some verbs that depend on who acts are beyond the reader: it
    must read more than half of the others, and agree with each."""
    rng, read = SampleRandom("sentences", language, held_out), Counter[bool]()  # type: ignore[arg-type]
    for i in range(200 if held_out else 1000):
        problem = word_problems.sample_problem(rng, i % 5 + 1)
        if len(problem.told) == 1:
            continue
        answer = solve(problem.told)
        assert answer in (None, problem.answer), (problem, answer)
        read[answer is not None] += 1
    assert read[True] > read[False]


@pytest.mark.parametrize(("language", "held_out"), DRAWS)
def test_situations_are_calculated_as_they_are_told(language: str, held_out: bool):
    """The reader knows some of the situations only: it must read one in fifteen, and agree with each."""
    rng, read = SampleRandom("situations", language, held_out), Counter[bool]()  # type: ignore[arg-type]
    for i in range(1200):
        problem = word_problems.sample_problem(rng, i % 4 + 1)
        if problem.told[-1][0].startswith("situation_"):
            answer = solve_scene(problem.told[-1][1])
            assert answer in (None, problem.answer), (problem, answer)
            read[answer is not None] += 1
    assert 14 * read[True] > read[False]


def test_every_number_of_a_problem_stands_in_its_text():
    for language in LANGUAGES:
        rng = SampleRandom("numbers", language)
        for i in range(300):
            problem = word_problems.sample_problem(rng, i % 5 + 1)
            for _, words in problem.told:
                assert all(number in problem.question for number in re.findall(r"\d+", words))


def test_first_names_are_on_one_side_of_the_split():
    for language in LANGUAGES:
        for gender in ("he", "she"):
            training, exams = (set(people.first_names(language, gender, side)) for side in (False, True))
            assert training
            assert exams
            assert not training & exams
