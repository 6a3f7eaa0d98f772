"""Texts against references: the libraries' own digits in English, and Chinese that is not nothing."""

from __future__ import annotations

import anyio
import pytest

from jielong import Message, Reply
from jielong.tasks.item import Item
from jielong.tasks.metric import Score, find_metric

sacrebleu = pytest.importorskip("sacrebleu")
rouge_scorer = pytest.importorskip("rouge_score.rouge_scorer")
NAMES = ("bleu", "chrf", "rouge")


def graded(name: str, text: str, *references: str) -> Score:
    item = Item("i", "Translate.", references)
    return anyio.run(find_metric(name).score, item, Reply(Message("assistant", text)))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "text", ["猫坐在垫子上。", "The cat sat on the mat.", "我用Python写程序，很快。", "Кошка сидит на ковре.", "猫"]
)
def test_a_text_and_itself_are_alike_in_every_script(name: str, text: str):
    assert graded(name, text, text).value == pytest.approx(1.0)
    assert graded(name, text, "Something else, ＝＝", text).value == pytest.approx(1.0)  # the best reference counts


@pytest.mark.parametrize("name", NAMES)
def test_a_chinese_text_is_closer_to_what_says_nearly_the_same(name: str):
    near, far = (graded(name, text, "猫坐在红色的垫子上。").value for text in ("猫坐在垫子上。", "今天下雨了。"))
    assert 0.2 < near < 1
    assert far < near / 2


@pytest.mark.parametrize(
    ("text", "reference"),
    [("The cat sat on a mat", "The cat is on the mat."), ("don't snake_case IT", "Do not snake case it"), ("x", "y z")],
)
def test_english_has_the_digits_of_the_libraries(text: str, reference: str):
    scorer = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"])
    expected = {name: score.fmeasure for name, score in scorer.score(reference, text).items()}
    assert graded("rouge", text, reference).parts == pytest.approx({"rouge": expected["rougeL"], **expected})
    assert graded("bleu", text, reference).value == pytest.approx(
        sacrebleu.sentence_bleu(text, [reference]).score / 100
    )
    assert graded("chrf", text, reference).value == pytest.approx(
        sacrebleu.sentence_chrf(text, [reference]).score / 100
    )


@pytest.mark.parametrize("name", NAMES)
def test_thoughts_are_no_part_of_a_text_and_one_that_never_ends_leaves_none(name: str):
    assert graded(name, "<think>Hm.</think>The cat sat on the mat.", "The cat sat on the mat.").value == pytest.approx(
        1
    )
    assert graded(name, "<think>The cat sat on the mat.", "The cat sat on the mat.") == Score(0.0, None)
