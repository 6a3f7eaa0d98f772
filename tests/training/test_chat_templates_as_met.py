"""Any chat template gives the right mask; the cases stand in chat_templates_as_met.py."""

import itertools

import pytest

from jielong.scope import scope
from jielong.training.data.chat_tokenizer import ChatTokenizer
from jielong.training.data.sequence_packing import EncodedDocument
from training.chat_templates_as_met import TEMPLATE_CASES, TemplateCase, tokenizer

SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}


def learnt(chat: ChatTokenizer, document: EncodedDocument) -> list[str]:
    runs = itertools.groupby(zip(document.ids, document.weights, strict=True), key=lambda pair: pair[1])
    return [chat.tokenizer.decode([i for i, _ in run], skip_special_tokens=False) for weight, run in runs if weight]


@pytest.mark.parametrize("case", TEMPLATE_CASES, ids=lambda case: f"templates: {case.name}")
def test_what_a_template_has_learnt(case: TemplateCase):
    chat = ChatTokenizer(tokenizer(**case.tokens), {**SPECIAL, "chat_template": case.template}, trusted=True)
    if case.refused:
        with pytest.raises(ValueError, match=case.refused):
            chat.encode_conversation(case.messages, case.tools)
        return
    with scope("training") as here:
        documents = chat.encode_conversation(case.messages, case.tools)
    assert [learnt(chat, document) for document in documents] == case.documents
    for document in documents:
        assert list(document.ids[:2]) != [chat.special_id("bos_token")] * 2
    if case.whole:
        assert chat.tokenizer.decode(list(documents[-1].ids), skip_special_tokens=False) == case.whole
    assert case.noted in " ".join(here.notes)
