"""`--show`, kept tokens, held-out documents that are trained on, and packed documents that do not see each other."""

import json
from pathlib import Path

import pytest

from jielong.cli.train import train
from jielong.errors import BadInput
from jielong.models.mini import WEIGHTS
from jielong.scope import scope
from jielong.training.data.chat_tokenizer import ChatTokenizer
from jielong.training.data.data_sources import FileSource
from jielong.training.data.document_feed import DocumentFeed
from jielong.training.train_config import TrainConfig

ROWS = [
    {"messages": [{"role": "user", "content": "What is 2 + 3?"}, {"role": "assistant", "content": "5", "weight": 0.5},
                  {"role": "user", "content": "猫用中文怎么说？"}, {"role": "assistant", "content": "猫"}]},
    {"messages": [{"role": "user", "content": "Hello!"}]},
    {"prompt": "Say hi.\nNow.", "completion": "hi"},
]  # fmt: skip


def settings(folder: Path, **more: object) -> TrainConfig:
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    stage = {"source": str(folder / "rows.jsonl"), "tokens": 256, "length": 128}
    loop = {"batch_tokens": 128, "learning_rate": 1e-3}
    return TrainConfig.model_validate({"out": folder / "out", "start": "mini", "stages": [stage], "loop": loop, **more})


def toml(folder: Path) -> Path:
    config = settings(folder)
    (folder / "fine.toml").write_text(
        f'out = "{config.out}"\nstart = "mini"\n[[stages]]\nsource = "{config.stages[0].source}"\ntokens = 256\n'
        "length = 128\n[loop]\nbatch_tokens = 128\nlearning_rate = 0.001\n"
    )
    return folder / "fine.toml"


def test_show_prints_each_document_once_with_its_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    train.main(["finetune", str(toml(tmp_path)), "--show", "9"], standalone_mode=False)
    out, error = capsys.readouterr()
    first = (
        "<|user|>Whatis2+3?<|end|><|assistant|>⟦×0.55<|end|>⟧<|user|>猫用中文怎么说？<|end|><|assistant|>⟦猫<|end|>⟧"
    )
    assert first in out.replace(" ", "")
    assert out.count("<|begin|>") == 2
    assert "Sayhi.↵\nNow.<|end|><|assistant|>⟦hi<|end|>⟧" in out.replace(" ", "")
    assert "1 of 3 rows is set aside: line 2: no message of the assistant" in " ".join(error.split())
    assert not (tmp_path / "out").exists()


def test_show_as_json_has_every_token(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    train.main(["finetune", str(toml(tmp_path)), "--show", "1", "--json"], standalone_mode=False)
    (document,) = json.loads(capsys.readouterr().out)["documents"]
    assert [t["text"] for t in document["tokens"] if t["weight"] == 1][1:] == ["猫", "<|end|>"]
    assert document["learnt"] == sum(len(t["ids"]) for t in document["tokens"] if t["weight"])


def test_kept_tokens_are_those_of_their_data_template_and_length(tmp_path: Path):
    file, chat = tmp_path / "rows.jsonl", ChatTokenizer.from_folder(WEIGHTS)
    settings(tmp_path)
    with scope("first") as first:
        documents = FileSource(file, chat, 128, tmp_path / "tokens").documents
    with scope("second") as second:
        again = FileSource(file, chat, 128, tmp_path / "tokens")
        again._read = lambda: pytest.fail("it was encoded again")  # type: ignore[method-assign]
        assert again.documents == documents
    assert second.notes == first.notes != {}
    template = chat.config["chat_template"].replace("'<|' + message.role", "'<|tool|>' + message.role")
    other = ChatTokenizer(chat.tokenizer, {**chat.config, "chat_template": template})
    others = [FileSource(file, other, 128, tmp_path / "tokens"), FileSource(file, chat, 64, tmp_path / "tokens")]
    assert others[0].documents != documents
    assert len({again.digest, *(source.digest for source in others)}) == 3
    file.write_text(json.dumps(ROWS[2]))
    assert len(FileSource(file, chat, 128, tmp_path / "tokens").documents) == 1
    (tmp_path / "tokens" / f"{again.digest[:32]}.npz").write_bytes(b"PK\3\4 cut off")
    settings(tmp_path)
    with pytest.raises(BadInput, match="not a whole file of tokens"):
        _ = FileSource(file, chat, 128, tmp_path / "tokens").documents


def test_documents_that_are_trained_on_are_not_held_out(tmp_path: Path):
    (tmp_path / "held.jsonl").write_text(json.dumps(ROWS[2]) + "\n" + json.dumps({"prompt": "x", "completion": "y"}))
    config = settings(tmp_path, evaluation={"source": str(tmp_path / "held.jsonl"), "length": 128, "rows": 1})
    feed = DocumentFeed(config, ChatTokenizer.from_folder(WEIGHTS))
    with pytest.raises(BadInput, match="1 of its 2 documents are trained on"):
        feed.evaluation()


def test_a_document_never_sees_its_neighbour_in_the_row():
    torch = pytest.importorskip("torch")
    from transformers import LlamaConfig, LlamaForCausalLM

    from jielong.training.data.sequence_packing import EncodedDocument, PackedRow, pack_batch
    from jielong.training.objectives.next_token import document_mask

    torch.manual_seed(0)
    network = LlamaForCausalLM(LlamaConfig(vocab_size=50, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
                                           num_attention_heads=2)).eval()  # fmt: skip

    def logits(attention: str, *documents: list[int]) -> list[torch.Tensor]:
        network.set_attn_implementation(attention)
        row = PackedRow(24)
        for ids in documents:
            row.add(EncodedDocument(ids, [1.0] * len(ids)))
        batch = {name: torch.from_numpy(array) for name, array in pack_batch([row], 0).items()}
        with torch.no_grad():
            out = network(
                input_ids=batch["input_ids"], position_ids=batch["position_ids"], use_cache=False,
                attention_mask=document_mask(batch["document_ids"]),
            ).logits[0]  # fmt: skip
        return [out[batch["document_ids"][0] == number] for number in (1, 2)]

    for attention in ("eager", "sdpa"):
        first, second = logits(attention, [1, 2, 3, 4], [5, 6, 7])
        changed, same = logits(attention, [9, 8, 7, 6], [5, 6, 7])
        assert torch.equal(second, same)
        assert not torch.allclose(first, changed)
        assert torch.allclose(second, logits(attention, [5, 6, 7])[0], atol=1e-6)
