"""The log-probability of a given continuation: where it begins, what stands before everything, what does not fit."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import anyio
import pytest

from jielong import Message, Model, Request, load
from jielong.errors import TooLong
from jielong.models.chat_template import ChatTemplate
from jielong.models.continuation_tokens import encode_continuation
from models.base_model import write_base_model


def asked(text: str) -> Request:
    return Request((Message("user", text),))


def log_likelihood(model: Model, text: str, continuation: str) -> float:
    return math.fsum(each.logprob for each in anyio.run(model.logprobs, asked(text), continuation))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    write_base_model(folder)
    return folder


@pytest.fixture(scope="module")
def model(base: Path) -> Model:
    return load(f"local:{base}?engine=numpy")


@pytest.mark.parametrize(
    ("text", "continuation"),
    [("x: ", "ab"), ("x a", "b"), ("x a", "bb"), ("x a", "ca"), ("a", "b"), ("x:\n", "y"), ("", "ab"), ("xab", "ab")],
)
def test_a_text_is_as_likely_in_two_parts_as_in_one(model: Model, text: str, continuation: str):
    """Also where "a" ends the question and "b" begins the choice, and the tokenizer writes "ab"."""
    whole, context = log_likelihood(model, "", text + continuation), log_likelihood(model, "", text.rstrip())
    assert log_likelihood(model, text, continuation) == pytest.approx(whole - context, abs=1e-5)


def test_a_token_across_the_join_is_the_first_of_the_choice_and_never_lost(base: Path):
    encoded = encode_continuation(ChatTemplate(base), asked("x a"), "b")
    ids = ChatTemplate(base).tokenizer.get_vocab()
    assert encoded.tokens[encoded.start :] == (ids["ab"],)
    assert encoded.replaced == (ids["a"],)


def test_spaces_before_the_choice_belong_to_its_first_token(base: Path):
    encoded = encode_continuation(ChatTemplate(base), asked("x: "), "y")
    assert not encoded.replaced
    assert len(encoded.tokens) - encoded.start == 2  # the space and the letter, in this tokenizer


TEMPLATES: dict[str, tuple[dict[str, Any], bool, str]] = {  # settings, whether the tokenizer writes <s>; the note
    "base, of the tokenizer": ({}, True, "every text begins with <s>, once"),
    "base, of its settings": ({"add_bos_token": True}, False, "every text begins with <s>, once"),
    "base, of both": ({"add_bos_token": True}, True, "every text begins with <s>, once"),
    "base, of neither": ({}, False, "no text begins with a special token"),
    "template, once": ({"chat_template": "{{ bos_token }}{{ messages[0].content }}:"}, True, "<s>, once"),
    "template, twice": ({"chat_template": "{{ bos_token }}<s>{{ messages[0].content }}:"}, True, "<s>, once"),
    "template, none": ({"chat_template": "{{ messages[0].content }}:"}, True, "the chat template leaves it out"),
}


@pytest.mark.parametrize("case", TEMPLATES)
def test_a_text_begins_once_and_it_is_recorded(tmp_path: Path, case: str):
    settings, begins, note = TEMPLATES[case]
    write_base_model(tmp_path, begins=begins, **settings)
    chat = ChatTemplate(tmp_path)
    for text in ("x", "<s>x", "<s><s>"):  # what users write is a text, and no token
        ids = chat.encode_request(asked(text))
        assert (ids[:1] == (0,)) == ("once" in note)
        assert ids[1:].count(0) == 0
    assert note in chat.beginning_note


def test_without_a_first_token_something_stands_before_a_text_all_the_same(tmp_path: Path):
    model = load(write_base_model(tmp_path, begins=False))
    assert len(anyio.run(model.logprobs, asked(""), "xy")) == 2


def test_what_is_too_long_is_refused_and_never_cut(model: Model):
    with pytest.raises(TooLong, match="reads 64 tokens and the text has 71"):
        anyio.run(model.logprobs, asked("x" * 60), "y" * 10)
    assert len(anyio.run(model.logprobs, asked("x" * 60), "yyy")) == 3
