"""Texts and pairs without a chat template: begun once, ended once, the prompt as it is when the model is asked."""

import pytest

from jielong.training.data.chat_tokenizer import ChatTokenizer
from training.chat_templates_as_met import tokenizer

SPECIAL = {"bos_token": "<s>", "eos_token": "</s>"}


@pytest.mark.parametrize("adds_eos", [False, True])
@pytest.mark.parametrize(
    "text", ["What is 2", "<s>What is 2", "What is 2</s>", "<s>What is 2</s>", "<s><s>What is 2</s></s>"]
)
def test_a_text_begins_and_ends_once(text: str, adds_eos: bool):
    chat = ChatTokenizer(tokenizer(adds_bos=True, adds_eos=adds_eos), SPECIAL)
    assert chat.tokenizer.decode(chat.encode_text(text), skip_special_tokens=False) == "<s>What is 2</s>"


@pytest.mark.parametrize("adds_eos", [False, True])
@pytest.mark.parametrize(("prompt", "completion"), [
    ("Assistant: ", "5"), ("Assistant:", " 5"), ("Assistant: 5", "5"), ("What is 2 + 3?\n", "\n5"), ("Q: ", "5</s>"),
])  # fmt: skip
def test_a_prompt_has_the_tokens_that_it_has_alone(prompt: str, completion: str, adds_eos: bool):
    chat = ChatTokenizer(tokenizer(adds_bos=True, adds_eos=adds_eos, one_run=True), SPECIAL)
    document = chat.encode_pair(prompt, completion)
    asked = chat.encode_text(prompt)[:-1]
    assert document.ids[: len(asked)] == asked
    assert document.weights == [0.0] * len(asked) + [1.0] * (len(document.ids) - len(asked))
    learnt = chat.tokenizer.decode(document.ids[len(asked) :], skip_special_tokens=False)
    assert learnt == completion.removesuffix("</s>") + "</s>"
