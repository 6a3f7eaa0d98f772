"""Arithmetic as people type it: each answer, each step and each call is what the question asks for."""

import json
import re
from fractions import Fraction

import pytest

from jielong.world import plain_arithmetic
from jielong.world.vocabulary import LANGUAGES, SampleRandom
from world.arithmetic_evaluator import value_of_expression, value_of_question

DRAWS = [(language, held_out) for language in LANGUAGES for held_out in (False, True)]


@pytest.mark.parametrize(("language", "held_out"), DRAWS)
def test_the_answer_is_what_the_question_asks_for(language, held_out):
    rng = SampleRandom(f"sums {language}", language, held_out)
    for _ in range(800 if held_out else 3000):
        calculation = plain_arithmetic.sample_calculation(rng)
        assert value_of_question(calculation.question) == calculation.answer, calculation
        assert value_of_expression(calculation.expression) == calculation.answer


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_step_is_right_and_easy(language):
    rng = SampleRandom(f"steps {language}", language)
    for _ in range(2000):
        calculation = plain_arithmetic.sample_calculation(rng)
        products = {value for expression, value in calculation.steps if "*" in expression}
        for expression, value in calculation.steps:
            assert value_of_expression(expression) == value, calculation
            a, sign, b = re.fullmatch(r"(\d+)([-+*/])(\d+)", expression).groups()
            figures = sorted(len(n.rstrip("0")) for n in (a, b))
            if sign == "*":
                assert figures[0] <= 1, calculation
            elif sign == "/":  # by one figure, or what a product has just shown
                assert len(b) == 1 or int(a) in products, calculation
        assert len(calculation.steps) == 1 or not calculation.easy


def test_chains_are_on_one_side_of_the_split():
    sides = [
        {plain_arithmetic.sample_calculation(SampleRandom(f"{i}", "en", held_out)).chain for i in range(400)}
        for held_out in (False, True)
    ]
    assert not sides[0] & sides[1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_calculator_is_called_with_the_expression_of_the_question(language):
    rng = SampleRandom(f"calls {language}", language)
    for _ in range(800):
        _, asked, call, result, reply = plain_arithmetic.arithmetic_by_calculator_document(rng).turns
        expression = json.loads(call.text)["arguments"]["expression"]
        value = value_of_expression(expression)
        assert value_of_question(asked.text) == value, asked.text
        assert abs(Fraction(result.text) - value) <= abs(value) * Fraction(1, 10**10), (expression, result.text)
        assert result.text in reply.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_easy_sums_are_answered_by_the_number_unless_steps_are_asked_for(language):
    rng = SampleRandom(f"replies {language}", language)
    for _ in range(500):
        calculation = plain_arithmetic.sample_calculation(rng)
        reply = plain_arithmetic.arithmetic_turns(rng, calculation)[-1].text
        assert reply.lstrip("-").isdigit() == calculation.easy
        worked = plain_arithmetic.arithmetic_turns(rng, calculation, by_steps=True)[-1].text
        assert worked.startswith(calculation.chain)
        assert worked.endswith(str(calculation.answer))
