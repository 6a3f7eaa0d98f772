"""What counts in the loss of training files as people have them; the cases stand in training_files_as_met.py."""

from pathlib import Path

import pytest

pytest.importorskip("tokenizers")

from jielong.errors import BadInput
from jielong.models.mini import WEIGHTS
from jielong.scope import scope
from jielong.training.data.chat_tokenizer import ChatTokenizer
from jielong.training.data.data_sources import open_document_source
from training.training_files_as_met import CASES, Case

CHAT = ChatTokenizer.from_folder(WEIGHTS)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"training files: {case.name}")
def test_a_training_file_is_read_as_it_is_meant(case: Case, tmp_path: Path):
    file = tmp_path / case.file
    file.write_bytes(case.content)
    chat = CHAT if case.template else ChatTokenizer(CHAT.tokenizer, {"bos_token": "<|begin|>", "eos_token": "<|end|>"})
    if case.refused is not None:
        with pytest.raises(BadInput) as caught:
            open_document_source(str(file), chat, 128).batch(0, 1, 0)
        assert case.refused in str(caught.value)
        assert "\n" not in str(caught.value)
        return
    with scope("training") as here:
        batch = open_document_source(str(file), chat, 128).batch(0, 1, 0)
    ids, weights, targets = (batch[name][0] for name in ("input_ids", "loss_weights", "targets"))
    learnt = chat.tokenizer.decode([t for t, w in zip(targets, weights, strict=True) if w])
    learnt = "".join(learnt.split())
    if case.learnt.startswith("…"):
        assert "add" in learnt
        assert learnt.endswith(case.learnt[1:])
    else:
        # A text's first token is predicted from nothing, so it does not count.
        assert learnt == case.learnt or (not case.seen and case.learnt.endswith(learnt))
    text, place = chat.tokenizer.decode(list(ids)), 0
    for words in case.seen:
        place = text.replace(" ", "").find(words.replace(" ", ""), place)
        assert place >= 0, f"{words!r} is not where it should be in {text!r}"
    assert case.noted in " ".join(here.notes)
