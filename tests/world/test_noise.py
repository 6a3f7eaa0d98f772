"""Noise changes how a text looks, and never a name, a number, a value, or code."""

import re

import pytest

from jielong.world import facts, word_problems
from jielong.world.noise import NUMBER_WORDS, chinese_numbers_as_words, half_width, noisy, numbers_as_words
from jielong.world.vocabulary import LANGUAGES, SampleRandom, wordlists

CHINESE = dict(zip("一二三四五六七八九", range(1, 10), strict=True)) | {"两": 2}


def numbers_in(text: str) -> list[int]:
    """All numbers of a text, in figures or words."""
    text = text.translate(str.maketrans("０１２３４５６７８９", "0123456789"))
    words = "|".join(sorted(NUMBER_WORDS[2:], key=len, reverse=True))
    found = re.findall(
        rf"\d+|\b(?:{words})(?= )|(?:[一二三四五六七八九]?十[一二三四五六七八九]?|[两一二三四五六七八九])(?=[{UNITS}])",
        text.lower(),
    )
    return [_value(token) for token in found]


UNITS = "个袋盒罐盘包箱筐碗倍堆份排行组队篮盆支本张颗把根朵件双枚块盏只条顶幅位名头匹辆元天周页岁层句次分小公年"
UNITS += "人位杯片步座串套粒棵瓶"


def _value(token: str) -> int:
    if token.isdecimal():
        return int(token)
    if token in NUMBER_WORDS:
        return NUMBER_WORDS.index(token)
    tens, _, ones = token.rpartition("十") if "十" in token else ("", "", token)
    return ("十" in token) * 10 * CHINESE.get(tens, 1) + CHINESE.get(ones, 0)


@pytest.mark.parametrize("language", LANGUAGES)
def test_numbers_names_and_items_survive(language):
    rng = SampleRandom(f"noise {language}", language)
    items = wordlists(language)["words"]["items"]
    changed = 0
    for _ in range(1500):
        question = word_problems.sample_problem(rng, 2).question
        if re.search(r"\b(?:one|two|three)\b|第一|两人|两倍|[一两]份|一[" + UNITS + "]", question.lower()):
            continue  # words for numbers of its own
        typed = noisy(rng, question)
        changed += typed != question
        around = numbers_in(typed)
        assert [n for n in around if n in numbers_in(question)] == numbers_in(question), (question, typed)
        edge = r"\b" if language == "en" else ""  # a card is a value of the world, a postcard is not
        named = {item for item in items if re.search(f"{edge}{item}{edge}", question)}
        assert named <= {item for item in items if item in typed.lower()}
    assert changed > 500


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_survive_in_some_case(language):
    rng = SampleRandom(f"names {language}", language)
    for _ in range(1500):
        fact = facts.sample_fact(rng)
        typed = noisy(rng, fact.question(rng))
        assert fact.subject.text(language).lower() in " ".join(typed.lower().split())


def test_code_comes_back_as_it_is():
    rng = SampleRandom("code", "en")
    for text in ('{"name": "kari_mo"}', "- finds the route: kari(town)\n<x>", "a -> b", "(A) iron\n(B) gold"):
        assert {noisy(rng, text) for _ in range(50)} == {text}


def test_no_strength_is_no_noise():
    rng = SampleRandom("none", "en")
    assert noisy(rng, "How many apples are left, Kari?", strength=0) == "How many apples are left, Kari?"


def test_numbers_are_written_as_people_write_them():
    assert numbers_as_words("Kari has 5 apples and 21 pens.") == "Kari has five apples and twenty-one pens."
    assert numbers_as_words("What is 5 * 3 now") == "What is 5 * 3 now"
    assert numbers_as_words("Mona is at 12, 15 on the map.") == "Mona is at 12, 15 on the map."
    assert chinese_numbers_as_words("有2袋苹果，每袋12个，第2个") == "有两袋苹果，每袋十二个，第二个"


def test_half_width_keeps_numbers_apart():
    assert half_width("共3、5。好？") == "共3, 5.好?"
    assert half_width("有5个，又买3个。", spaced=True) == "有5个, 又买3个."
