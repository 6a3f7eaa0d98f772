"""Training of classifiers: gradients as transformers computes them, a result that no padding, no division into
micro-batches and no order of rows changes, and the same weights after a kill."""

import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from jielong import Message, Request, load
from jielong.errors import BadInput
from jielong.models.local.checkpoint_folder import open_checkpoint
from jielong.models.local.transformers_engine import load_module
from jielong.models.mini import Mini
from jielong.scope import scope
from jielong.training.classification import LabelConfig, LabelFeed, LabelledText, train_classifier
from jielong.training.objective import micro_batches
from jielong.training.objectives.label import Label
from jielong.training.train_config import DocumentLoopConfig
from tiny_encoder import LABELS, write_encoder

RNG = random.Random(3)
ROWS = [(2, *RNG.choices(range(4, 30), k=RNG.randint(1, 20)), 3) for _ in range(23)]  # a remainder of 3 in 4 parts
TARGETS = [RNG.randrange(3) for _ in ROWS]


def config(out: Path, start: Path | str, **changes: Any) -> LabelConfig:
    loop = DocumentLoopConfig(
        batch_tokens=changes.pop("batch_tokens", 200), learning_rate=changes.pop("learning_rate", 0.01), bf16=False,
        log_every=1, **changes.pop("loop", {}),
    )  # fmt: skip
    return LabelConfig(out=out, start=str(start), tokens=changes.pop("tokens", 4000), loop=loop, **changes)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("encoder"))


def network_of(folder: Path) -> Any:
    torch.manual_seed(1)
    return load_module(replace(open_checkpoint(str(folder)), dtype="float32"), new_labels=LABELS)


def batch_of(rows: list[tuple[int, ...]], targets: list[int], settings: LabelConfig) -> dict[str, Any]:
    return LabelFeed(rows, targets, settings, 0).batch(0, torch.nn.Identity())


def test_loss_and_gradients_are_those_of_transformers(encoder: Path, tmp_path: Path):
    batch = batch_of(ROWS, TARGETS, config(tmp_path, encoder, tokens=10**4, batch_tokens=10**4 // 20))
    ours, theirs = network_of(encoder), network_of(encoder)
    loss, _ = Label().loss(ours, batch)
    loss.backward()
    expected = theirs(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], labels=batch["labels"]).loss
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), abs=1e-6)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert (a.grad is None) == (b.grad is None)
        assert a.grad is None or torch.allclose(a.grad, b.grad, atol=1e-5)


def test_parts_of_a_batch_add_up_to_it(encoder: Path, tmp_path: Path):
    batch = batch_of(ROWS, TARGETS, config(tmp_path, encoder, tokens=10**4, batch_tokens=10**4 // 20))
    objective, network = Label(), network_of(encoder)
    whole = objective.loss(network, batch)[0].item()
    parts = micro_batches(batch, 4)
    assert len({len(part["labels"]) for part in parts}) > 1
    total = sum(objective.loss(network, part)[0].item() * objective.size(part) for part in parts)
    assert total / objective.size(batch) == pytest.approx(whole, abs=1e-5)


@pytest.mark.parametrize("start", ["encoder", "causal"])
def test_a_text_has_the_same_logits_in_any_company(start: str, encoder: Path, tmp_path: Path):
    """A causal network finds a text's last token by what is padding: its id must not end a text."""
    if start == "encoder":
        network, rows, pad = network_of(encoder), ROWS, 0
    else:
        torch.manual_seed(0)
        network = load_module(replace(Mini().checkpoint, engine="torch"), new_labels=LABELS)
        rows, pad = [row[1:-1] for row in ROWS], network.config.pad_token_id
    feed = LabelFeed(rows, TARGETS, config(tmp_path, encoder, tokens=10**4, batch_tokens=10**4 // 20), pad)
    batch = feed.batch(0, network)
    with torch.no_grad():
        together = network(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
        for i, length in enumerate(batch["attention_mask"].sum(1).tolist()):
            ids = batch["input_ids"][i : i + 1, :length]
            alone = network(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0]
            assert torch.allclose(together[i], alone, atol=1e-5)


def labelled(count: int = 60) -> list[LabelledText]:
    rng = random.Random(5)
    texts = [
        (rng.choice(("good", "bad")), [rng.choice(("a", "film", "that", "was")) for _ in range(3)])
        for _ in range(count)
    ]
    return [LabelledText(Request((Message("user", f"{word} {' '.join(rest)}"),)), f"is {word}") for word, rest in texts]


def test_a_trained_classifier_answers_with_the_labels_of_its_task(encoder: Path, tmp_path: Path):
    result = train_classifier(labelled(), config(tmp_path / "out", encoder))
    model = load(result.recipe)
    assert model.ask("a film that was good") == "is good"
    assert model.ask("a film that was bad") == "is bad"
    names = json.loads((tmp_path / "out/weights/config.json").read_text("utf-8"))
    assert names["architectures"] == ["BertForSequenceClassification"]
    assert names["id2label"] == {"0": "is bad", "1": "is good"}
    tokenizer = json.loads((tmp_path / "out/weights/tokenizer.json").read_text("utf-8"))
    assert tokenizer["truncation"] is tokenizer["padding"] is None


def test_transformers_loads_what_is_exported(encoder: Path, tmp_path: Path):
    result = train_classifier(labelled(), config(tmp_path / "out", encoder, tokens=400))
    pipe = transformers.pipeline("text-classification", model=str(result.weights))
    for text in ("good film", "a bad film"):
        reply = anyio.run(load(result.recipe).generate, Request((Message("user", text),)))
        assert pipe(text)[0]["label"] == reply.text


def test_the_order_of_the_file_does_not_change_which_label_is_which(encoder: Path, tmp_path: Path):
    for name, texts in (("a", labelled()), ("b", labelled()[::-1])):
        train_classifier(texts, config(tmp_path / name, encoder, tokens=100))
    a, b = (json.loads((tmp_path / name / "weights/config.json").read_text("utf-8")) for name in "ab")
    assert a["id2label"] == b["id2label"]


def test_a_causal_network_without_a_token_for_padding_is_trained_all_the_same(tmp_path: Path):
    start = tmp_path / "gpt2"
    torch.manual_seed(0)
    write_encoder(start.parent / "words")
    start.mkdir()
    gpt2 = transformers.GPT2Config(
        vocab_size=40, n_positions=32, n_embd=16, n_layer=1, n_head=2, eos_token_id=3, bos_token_id=2
    )
    transformers.GPT2LMHeadModel(gpt2).save_pretrained(start)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (start / name).write_bytes((tmp_path / "words" / name).read_bytes())
    result = train_classifier(labelled(), config(tmp_path / "out", start))
    model = load(result.recipe)
    assert [model.ask(f"a film that was {word}") for word in ("good", "bad")] == ["is good", "is bad"]


def test_every_text_once_before_any_again_and_as_many_tokens_as_were_asked_for(encoder: Path, tmp_path: Path):
    lengths = [len(row) for row in ROWS]
    feed = LabelFeed(ROWS, TARGETS, config(tmp_path, encoder, tokens=2 * sum(lengths), batch_tokens=50), 0)
    batches = [feed.batch(step, torch.nn.Identity()) for step in range(feed.steps)]
    seen = [
        tuple(row[: mask.sum()].tolist())
        for batch in batches
        for row, mask in zip(batch["input_ids"], batch["attention_mask"], strict=True)
    ]
    assert sorted(seen[: len(ROWS)]) == sorted(ROWS) == sorted(seen[len(ROWS) :])
    assert sum(feed.tokens(batch) for batch in batches) == 2 * sum(lengths)
    assert all(feed.tokens(batch) >= 50 for batch in batches[:-1])


def relabelled(label: Callable[[int], str]) -> list[LabelledText]:
    return [LabelledText(text.request, label(i)) for i, text in enumerate(labelled())]


def test_texts_with_one_label_are_refused_in_one_line(encoder: Path, tmp_path: Path):
    with pytest.raises(BadInput, match=r"the label of all 60 texts is 'yes'; expected two labels or more"):
        train_classifier(relabelled(lambda i: "yes"), config(tmp_path / "out", encoder))


def test_a_text_that_the_network_cannot_read_is_named_and_left_out(encoder: Path, tmp_path: Path):
    history = (Message("user", "good"), Message("assistant", "good"), Message("user", "bad"))
    with scope("training") as training:
        train_classifier(
            [*labelled(), LabelledText(Request(history), "is bad")], config(tmp_path / "out", encoder, tokens=100)
        )
    assert any("1 of 61 texts are left out: this is a base model" in note for note in training.notes), [*training.notes]


def test_a_label_that_nobody_can_read_is_refused(encoder: Path, tmp_path: Path):
    history = (Message("user", "good"), Message("assistant", "good"), Message("user", "bad"))
    with pytest.raises(BadInput, match="expected two labels or more"):
        train_classifier(
            [LabelledText(Request(history), word) for word in ("a", "b")], config(tmp_path / "out", encoder)
        )


def test_stopped_and_started_again_the_weights_are_the_same(encoder: Path, tmp_path: Path):
    """Also with dropout, and with a new head whose first weights are random."""

    class Stopped(Exception):
        pass

    def stop(point: Any) -> None:
        if point.step == 7:
            raise Stopped

    write_encoder(tmp_path / "start")
    config_file = tmp_path / "start/config.json"
    config_file.write_text(json.dumps(json.loads(config_file.read_text("utf-8")) | {"hidden_dropout_prob": 0.3}))
    settings = {"tokens": 1500, "batch_tokens": 100, "loop": {"checkpoint_every": 3}}
    whole = train_classifier(labelled(), config(tmp_path / "whole", tmp_path / "start", **settings))
    with pytest.raises(Stopped):
        train_classifier(labelled(), config(tmp_path / "out", tmp_path / "start", **settings), stop)
    assert train_classifier(labelled(), config(tmp_path / "out", tmp_path / "start", **settings)).sha256 == whole.sha256
