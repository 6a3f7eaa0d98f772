"""What the loop is fed and what it learns: packing, masks, schedules, and that a loss goes down."""

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tokenizers import Tokenizer

from jielong.errors import BadInput, TrainingFailed
from jielong.models.mini import WEIGHTS
from jielong.scope import scope
from jielong.training import precision, training_checkpoint
from jielong.training.data.chat_tokenizer import ChatTokenizer
from jielong.training.data.data_sources import FileSource
from jielong.training.data.mini_documents import WorldSource
from jielong.training.data.sequence_packing import EncodedDocument, PackedRow, fill_rows, pack_all, pack_batch
from jielong.training.objective import Batch
from jielong.training.objectives.next_token import NextToken
from jielong.training.optimizers import MIN_FRACTION, learning_rate_at, optimizers_for
from jielong.training.train_config import LoopConfig, read_train_config
from jielong.training.training_checkpoint import Progress
from jielong.training.training_loop import train


def documents(seed: int, count: int, longest: int) -> list[EncodedDocument]:
    rng = random.Random(seed)
    lengths = [rng.randint(2, longest) for _ in range(count)]
    return [EncodedDocument([7 + i % 90] * n, [1.0] * n) for i, n in enumerate(lengths)]


def test_every_row_holds_whole_documents_and_nothing_is_lost():
    samples = documents(1, 500, 60)
    rows = pack_all((len(d.ids) for d in samples), 64)
    assert sorted(i for row in rows for i in row) == list(range(500))
    assert all(sum(len(samples[i].ids) for i in row) <= 64 for row in rows)
    assert sum(len(d.ids) for d in samples) / (64 * len(rows)) > 0.9


def test_a_batch_predicts_the_next_token_of_the_same_document():
    rows = fill_rows(iter(documents(2, 500, 30)), 8, 64)
    batch = pack_batch(rows, 1)
    for i, row in enumerate(rows):
        start, line = 0, {name: array[i] for name, array in batch.items()}
        for number, document in enumerate(row.documents, 1):
            end = start + len(document.ids)
            assert list(line["input_ids"][start:end]) == list(document.ids)
            assert list(line["targets"][start : end - 1]) == list(document.ids)[1:]
            assert list(line["position_ids"][start:end]) == list(range(len(document.ids)))
            assert set(line["document_ids"][start:end]) == {number}
            assert line["loss_weights"][end - 1] == 0
            start = end
        assert not line["loss_weights"][start:].any()


def test_documents_in_one_row_do_not_see_each_other():
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    network = LlamaForCausalLM(
        LlamaConfig(vocab_size=100, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2)
    )
    pair = [EncodedDocument(list(range(10, 30)), [1.0] * 20), EncodedDocument(list(range(40, 70)), [1.0] * 30)]

    def loss(documents: list[EncodedDocument]) -> float:
        return NextToken().loss(network, tensors(pack_batch(fill_rows(iter(documents), 1, 64), 1)))[0].item()

    together, first, second = loss(pair), loss(pair[:1]), loss(pair[1:])
    assert together == pytest.approx((19 * first + 29 * second) / 48, rel=1e-5)


@pytest.mark.parametrize("schedule", ["cosine", "wsd"])
def test_the_learning_rate_rises_stays_or_bends_and_falls(schedule: str):
    loop = LoopConfig(learning_rate=1.0, schedule=schedule, warmup_steps=10, decay=0.25)  # type: ignore[arg-type]
    rates = [learning_rate_at(step, 100, loop) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) <= 1
    assert rates[-1] < 0.1
    assert min(rates[50:]) >= MIN_FRACTION
    assert rates[10:] == sorted(rates[10:], reverse=True)
    if schedule == "wsd":
        assert rates[10:75] == [1.0] * 65
        assert rates[88] == pytest.approx(0.48)
    else:
        assert rates[50] == pytest.approx(0.5)


def tensors(arrays: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


class CountingFeed:
    """Four rows that count from 8 to 39; `poison(step, network)` is called before each batch."""

    digest = "counting"

    def __init__(self, steps: int, poison: Callable[[int, torch.nn.Module], None] = lambda step, network: None) -> None:
        self.steps, self._poison = steps, poison
        row = PackedRow(32)
        row.add(EncodedDocument(range(8, 40), [1.0] * 32))
        self._batch = tensors(pack_batch([row] * 4, 1))

    def batch(self, step: int, network: torch.nn.Module) -> Batch:
        self._poison(step, network)
        return self._batch

    def tokens(self, batch: Batch) -> int:
        return batch["input_ids"].numel()


def network(seed: int = 0, **changes: object):  # type: ignore[no-untyped-def]
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    size = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    return LlamaForCausalLM(LlamaConfig(vocab_size=50, **{**size, **changes}))


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_the_loss_goes_down(optimizer: str, tmp_path: Path):
    loop = LoopConfig(learning_rate=0.02, optimizer=optimizer, warmup_steps=2, log_every=1, bf16=False)  # type: ignore[arg-type]
    points: list[float] = []
    train(network(), CountingFeed(60), NextToken(), loop, tmp_path, "x", on_point=lambda p: points.append(p.loss))
    assert points[0] > 3.5
    assert points[-1] < 0.3


def test_a_loss_of_nan_stops_the_training_and_keeps_the_checkpoint(tmp_path: Path):
    broken = network()
    loop = LoopConfig(learning_rate=0.01, log_every=1, checkpoint_every=2)

    def poison(step: int, network: torch.nn.Module) -> None:
        if step == 5:
            with torch.no_grad():
                broken.lm_head.weight.fill_(float("nan"))

    with pytest.raises(TrainingFailed, match=r"step 6: .*loop\.learning_rate = 0\.01"):
        train(broken, CountingFeed(10, poison), NextToken(), loop, tmp_path, "x")
    saved = network()
    assert (
        training_checkpoint.load(tmp_path / "checkpoint.safetensors", saved, optimizers_for(saved, loop), "x").steps
        == 4
    )


@pytest.mark.parametrize(
    ("saved", "wanted", "message"),
    [
        ({}, {"num_hidden_layers": 2}, "missing: model.layers.1.input_layernorm.weight, "),
        ({"num_hidden_layers": 2}, {}, "unknown: model.layers.1.input_layernorm.weight, "),
        ({"tie_word_embeddings": True}, {}, "missing: lm_head.weight"),
        ({}, {"intermediate_size": 96}, "of another shape: model.layers.0.mlp.down_proj.weight, "),
    ],
)
def test_a_checkpoint_of_another_network_is_refused_by_the_names_of_its_weights(
    saved: dict[str, object], wanted: dict[str, object], message: str, tmp_path: Path
):
    training_checkpoint.save(tmp_path / "c", network(**saved), [], Progress(3), "x")
    with pytest.raises(BadInput, match="a checkpoint of another network") as caught:
        training_checkpoint.load(tmp_path / "c", network(**wanted), [], "x")
    assert message in str(caught.value)


@pytest.mark.parametrize("tied", [False, True])
def test_every_weight_is_put_back_and_a_tied_one_with_the_one_it_is_tied_to(tied: bool, tmp_path: Path):
    before, after = (network(seed, tie_word_embeddings=tied) for seed in (1, 2))
    training_checkpoint.save(tmp_path / "c", before, [], Progress(3), "x")
    assert training_checkpoint.load(tmp_path / "c", after, [], "x") == Progress(3)
    assert after.state_dict().keys() == before.state_dict().keys()
    assert all(torch.equal(value, before.state_dict()[name]) for name, value in after.state_dict().items())


@pytest.mark.parametrize(("features", "bf16"), [({"avx2": True}, False), ({"avx512_bf16": True}, True)])
def test_bf16_is_taken_where_the_processor_computes_in_it_and_else_a_note_says_so(
    features: dict[str, bool], bf16: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: features, raising=False)
    cpu, loop = torch.device("cpu"), LoopConfig(learning_rate=1.0)
    with scope("training") as here, precision.autocast(loop, cpu):
        precision.note_precision(loop, cpu)
        assert torch.is_autocast_enabled("cpu") == bf16
    assert any("runs in fp32" in text for text in here.notes) == (not bf16)
    assert not precision.uses_bf16(loop.model_copy(update={"bf16": False}), cpu)


def chat() -> ChatTokenizer:
    return ChatTokenizer.from_folder(WEIGHTS)


def tokenizer() -> Tokenizer:
    return chat().tokenizer


def test_only_what_the_assistant_says_counts():
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is 2 + 3?"},
        {"role": "assistant", "content": "5"},
        {"role": "user", "content": "And 4 + 4?"},
        {"role": "assistant", "content": "8"},
    ]
    (document,) = chat().encode_conversation(turns, None)
    counted = tokenizer().decode(
        [i for i, w in zip(document.ids, document.weights, strict=True) if w], skip_special_tokens=False
    )
    assert counted.replace(" ", "") == "5<|end|>8<|end|>"


def test_the_template_of_another_checkpoint_says_what_counts():
    """Nothing of mini: another template, no end token in it, other names of roles."""
    config = {"chat_template": "{% for m in messages %}[{{ m.role }}]{{ m.content }}\n{% endfor %}"
                               "{% if add_generation_prompt %}[assistant]{% endif %}"}  # fmt: skip
    other = ChatTokenizer(tokenizer(), config)
    turns = [{"role": "user", "content": "Hello!"}, {"role": "assistant", "content": "Good morning!"}]
    (document,) = other.encode_conversation(turns, None)
    counted = [i for i, weight in zip(document.ids, document.weights, strict=True) if weight]
    assert tokenizer().decode(counted).strip() == "Good morning!"
    assert other.encode_text("Hello!") == tokenizer().encode("Hello!").ids


def lines(tmp_path: Path, *rows: str) -> FileSource:
    (tmp_path / "data.jsonl").write_text("\n".join(rows))
    return FileSource(tmp_path / "data.jsonl", chat(), 64)


def test_each_document_is_seen_once_before_any_again(tmp_path: Path):
    data = lines(tmp_path, *(f'{{"prompt": "{i} + 1?", "completion": "{i + 1}"}}' for i in range(100, 140)))
    rows = len(data.packed)
    rows_seen = [tuple(row) for step in range(2) for row in data.batch(step, rows, 3)["input_ids"]]
    assert len(set(rows_seen[:rows])) == rows
    assert sorted(rows_seen[:rows]) == sorted(rows_seen[rows:])
    assert rows_seen[:rows] != rows_seen[rows:]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{", "line 2: not JSON"),
        ("[1]", "expected a JSON object, found list"),
        ('{"body": "x"}', "found body; expected text, messages"),
        ('{"prompt": "x"}', "prompt without completion"),
        ('{"messages": [{"content": "x"}]}', "messages: expected a list of objects with role"),
        ('{"messages": [{"role": "user", "content": "x"}]}', "nothing to learn"),
        ('{"messages": "hello"}', "messages: expected a list of objects"),
        ('{"prompt": "' + "12 " * 90 + '", "completion": "1"}', "a row holds 64"),
    ],
)
def test_a_bad_row_is_named_with_what_is_wrong(row: str, message: str, tmp_path: Path):
    with scope("training") as here:
        lines(tmp_path, '{"text": "fine"}', row).batch(0, 1, 0)
    (said,) = here.notes if '"body"' not in row else [*here.notes][:1]
    assert "data.jsonl: 1 of 2 rows is set aside: line 2: " in said
    assert message in said
    assert "\n" not in said
    with pytest.raises(BadInput) as caught:
        lines(tmp_path, "{}", row).batch(0, 1, 0)
    assert "data.jsonl:1: " in str(caught.value)


STAGE = '[[stages]]\nsource = "mini:world"\ntokens = 640\nlength = 64\n'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x", "not TOML"),
        ("[loop]\nbatch_tokens = 64", "out is missing (and 2 more)"),
        (
            f'out = "x"\n{STAGE}[loop]\nlearning_rate = 1\nbatch_tokens = 64\nspeed = 3',
            "unknown setting 'loop.speed'; ",
        ),
        (f'out = "x"\n{STAGE}[loop]\nlearning_rate = 1\nbatch_tokens = 65', "no multiple of length 64"),
        (
            'out = "x"\n[[stages]]\nsource = 3\ntokens = 64\nlength = 64\n[loop]\nlearning_rate = 1\nbatch_tokens = 64',
            "c.toml: stages.0.source: expected a text in quotes, found 3",
        ),
    ],
)
def test_bad_settings_are_named(text: str, message: str, tmp_path: Path):
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(BadInput) as caught:
        read_train_config(tmp_path / "c.toml", {})
    assert message in str(caught.value)


def test_a_batch_of_the_world_is_a_function_of_seed_and_step():
    world = WorldSource(tokenizer(), stage="early", length=128)
    first = world.batch(3, 4, 1)
    again = WorldSource(tokenizer(), stage="early", length=128).batch(3, 4, 1)
    assert all((first[name] == again[name]).all() for name in first)
    assert not (first["input_ids"] == world.batch(4, 4, 1)["input_ids"]).all()
    assert not (first["input_ids"] == world.batch(3, 4, 2)["input_ids"]).all()


def test_a_run_without_a_checkpoint_before_its_end_says_so(tmp_path: Path):
    loop = LoopConfig(learning_rate=0.01, checkpoint_every=50, bf16=False)
    with scope("training") as here:
        train(network(), CountingFeed(3), NextToken(), loop, tmp_path, "x")
    assert "loop.checkpoint_every = 50, and the training has 3 steps: interrupted, it begins again" in here.notes


def test_the_learning_rate_of_a_short_run_reaches_what_is_set():
    loop = LoopConfig(learning_rate=1.0)
    assert max(learning_rate_at(step, 5, loop) for step in range(5)) == pytest.approx(1.0)
