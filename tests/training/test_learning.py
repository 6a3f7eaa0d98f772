"""What the loop is fed and what it learns: packing, masks, schedules, and that a loss goes down."""

import json
import random
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tokenizers import Tokenizer

from jielong.errors import BadInput, TrainingFailed
from jielong.models.mini import WEIGHTS
from jielong.training import training_checkpoint
from jielong.training.conversation_tokens import Conversations
from jielong.training.data_sources import Lines, World
from jielong.training.optimizers import LOWEST, optimizers_for, rate_at
from jielong.training.sequence_packing import Batch, Encoded, batch_of, fill_rows, pack_all
from jielong.training.train_config import LoopConfig, read_train_config
from jielong.training.training_loop import Feed, train


def documents(seed: int, count: int, longest: int) -> list[Encoded]:
    chance = random.Random(seed)
    lengths = [chance.randint(2, longest) for _ in range(count)]
    return [Encoded([7 + i % 90] * n, [1.0] * n) for i, n in enumerate(lengths)]


def test_every_row_holds_whole_documents_and_nothing_is_lost():
    offered = documents(1, 500, 60)
    rows = pack_all((len(d.ids) for d in offered), 64)
    assert sorted(i for row in rows for i in row) == list(range(500))
    assert all(sum(len(offered[i].ids) for i in row) <= 64 for row in rows)
    assert sum(len(d.ids) for d in offered) / (64 * len(rows)) > 0.9


def test_a_batch_predicts_the_next_token_of_the_same_document():
    rows = fill_rows(iter(documents(2, 500, 30)), 8, 64)
    batch = batch_of(rows, 1)
    for row, ids, targets, weights, places, owners in zip(rows, *vars(batch).values(), strict=True):
        at = 0
        for number, document in enumerate(row.documents, 1):
            end = at + len(document.ids)
            assert list(ids[at:end]) == list(document.ids)
            assert list(targets[at : end - 1]) == list(document.ids)[1:]
            assert list(places[at:end]) == list(range(len(document.ids)))
            assert set(owners[at:end]) == {number}
            assert weights[end - 1] == 0
            at = end
        assert not weights[at:].any()


def test_documents_in_one_row_do_not_see_each_other():
    from transformers import LlamaConfig, LlamaForCausalLM

    from jielong.training.training_loop import _loss, _on

    torch.manual_seed(0)
    network = LlamaForCausalLM(
        LlamaConfig(vocab_size=100, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2)
    )
    some = [Encoded(list(range(10, 30)), [1.0] * 20), Encoded(list(range(40, 70)), [1.0] * 30)]

    def loss(packed: list[Encoded]) -> float:
        return _loss(network, *_on(torch.device("cpu"), batch_of(fill_rows(iter(packed), 1, 64), 1))).item()

    together, first, second = loss(some), loss(some[:1]), loss(some[1:])
    assert together == pytest.approx((19 * first + 29 * second) / 48, rel=1e-5)


@pytest.mark.parametrize("schedule", ["cosine", "wsd"])
def test_the_rate_rises_stays_or_bends_and_falls(schedule: str):
    loop = LoopConfig(batch_tokens=64, rate=1.0, schedule=schedule, warmup_steps=10, decay=0.25)  # type: ignore[arg-type]
    rates = [rate_at(step, 100, loop) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) <= 1
    assert rates[-1] < 0.1
    assert min(rates[50:]) >= LOWEST
    assert rates[10:] == sorted(rates[10:], reverse=True)
    if schedule == "wsd":
        assert rates[10:75] == [1.0] * 65
        assert rates[88] == pytest.approx(0.48)
    else:
        assert rates[50] == pytest.approx(0.5)


def feed(steps: int) -> Feed:
    ids = np.tile(np.arange(8, 40, dtype=np.int64), (4, 1))
    ones = np.ones((4, 32), np.float32)
    targets = np.roll(ids, -1, 1)
    batch = Batch(ids, targets, ones, np.tile(np.arange(32), (4, 1)), np.ones((4, 32), np.int64))
    return Feed(steps, lambda step: batch, None)


def network(seed: int = 0, **changes: object):  # type: ignore[no-untyped-def]
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    size = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    return LlamaForCausalLM(LlamaConfig(vocab_size=50, **{**size, **changes}))


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_the_loss_goes_down(optimizer: str, tmp_path: Path):
    loop = LoopConfig(batch_tokens=128, rate=0.02, optimizer=optimizer, warmup_steps=2, log_every=1, bf16=False)  # type: ignore[arg-type]
    points: list[float] = []
    train(network(), feed(60), loop, tmp_path, "x", lambda p: points.append(p.loss), lambda t: None)
    assert points[0] > 3.5
    assert points[-1] < 0.3


def test_a_loss_that_is_no_number_stops_the_training_and_keeps_the_checkpoint(tmp_path: Path):
    broken = network()
    loop = LoopConfig(batch_tokens=128, rate=0.01, log_every=1, checkpoint_every=2)
    fed = feed(10)

    def poisoned(step: int) -> Batch:
        if step == 5:
            with torch.no_grad():
                broken.lm_head.weight.fill_(float("nan"))
        return fed.batch(step)

    with pytest.raises(TrainingFailed, match=r"step 6: .*loop\.rate = 0\.01"):
        train(broken, Feed(10, poisoned, None), loop, tmp_path, "x", lambda p: None, lambda t: None)
    kept = network()
    assert training_checkpoint.load(tmp_path / "checkpoint.safetensors", kept, optimizers_for(kept, loop), "x") == 4


@pytest.mark.parametrize(
    ("kept", "wanted", "said"),
    [
        ({}, {"num_hidden_layers": 2}, "missing: model.layers.1.input_layernorm.weight, "),
        ({"num_hidden_layers": 2}, {}, "unknown: model.layers.1.input_layernorm.weight, "),
        ({"tie_word_embeddings": True}, {}, "missing: lm_head.weight"),
        ({}, {"intermediate_size": 96}, "of another shape: model.layers.0.mlp.down_proj.weight, "),
    ],
)
def test_a_checkpoint_of_another_network_is_refused_by_the_names_of_its_weights(
    kept: dict[str, object], wanted: dict[str, object], said: str, tmp_path: Path
):
    checkpoint.save(tmp_path / "c", network(**kept), [], 3, "x")
    with pytest.raises(BadInput, match="a checkpoint of another network") as caught:
        checkpoint.load(tmp_path / "c", network(**wanted), [], "x")
    assert said in str(caught.value)


@pytest.mark.parametrize("tied", [False, True])
def test_every_weight_is_put_back_and_a_tied_one_with_the_one_it_is_tied_to(tied: bool, tmp_path: Path):
    before, after = (network(seed, tie_word_embeddings=tied) for seed in (1, 2))
    checkpoint.save(tmp_path / "c", before, [], 3, "x")
    assert checkpoint.load(tmp_path / "c", after, [], "x") == 3
    assert after.state_dict().keys() == before.state_dict().keys()
    assert all(torch.equal(value, before.state_dict()[name]) for name, value in after.state_dict().items())


def chat() -> Conversations:
    about = json.loads((WEIGHTS / "tokenizer_config.json").read_text("utf-8"))
    special = {k: v for k, v in about.items() if k.endswith("_token") and isinstance(v, str)}
    return Conversations(tokenizer(), about["chat_template"], special)


def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(WEIGHTS / "tokenizer.json"))


def test_only_what_the_assistant_says_counts():
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is 2 + 3?"},
        {"role": "assistant", "content": "5"},
        {"role": "user", "content": "And 4 + 4?"},
        {"role": "assistant", "content": "8"},
    ]
    read = chat().encoded(turns, None)
    counted = tokenizer().decode(
        [i for i, w in zip(read.ids, read.weights, strict=True) if w], skip_special_tokens=False
    )
    assert counted.replace(" ", "") == "5<|end|>8<|end|>"


def lines(tmp_path: Path, *rows: str) -> Lines:
    (tmp_path / "data.jsonl").write_text("\n".join(rows))
    return Lines(tmp_path / "data.jsonl", tokenizer(), chat(), 64)


def test_each_document_is_seen_once_before_any_again(tmp_path: Path):
    data = lines(tmp_path, *(f'{{"prompt": "{i} + 1?", "completion": "{i + 1}"}}' for i in range(100, 140)))
    rows = len(data._packed)
    seen = [tuple(row) for step in range(2) for row in data.batch(step, rows, 3).ids]
    assert len(set(seen[:rows])) == rows
    assert sorted(seen[:rows]) == sorted(seen[rows:])
    assert seen[:rows] != seen[rows:]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("{", "data.jsonl:2: not JSON"),
        ("[1]", "found list; expected text, messages"),
        ('{"question": "x"}', "found question; expected text, messages"),
        ('{"prompt": "x"}', "no 'completion'"),
        ('{"messages": [{"content": "x"}]}', "no 'role'"),
        ('{"messages": [{"role": "user", "content": "x"}]}', "nothing to learn"),
        ('{"messages": "hello"}', "messages: expected a list of objects"),
        ('{"prompt": "' + "12 " * 90 + '", "completion": "1"}', "a row holds 64"),
    ],
)
def test_a_bad_row_is_named_with_what_is_wrong(row: str, said: str, tmp_path: Path):
    with pytest.raises(BadInput) as caught:
        lines(tmp_path, '{"text": "fine"}', row).batch(0, 1, 0)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


STAGE = '[[stages]]\nsource = "mini:world"\ntokens = 640\nlength = 64\n'


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ("x", "not TOML"),
        ("[loop]\nbatch_tokens = 64", "out: Field required"),
        (f'out = "x"\n{STAGE}[loop]\nrate = 1\nbatch_tokens = 64\nspeed = 3', "Extra inputs"),
        (f'out = "x"\n{STAGE}[loop]\nrate = 1\nbatch_tokens = 65', "no multiple of length 64"),
    ],
)
def test_bad_settings_are_named(told: str, said: str, tmp_path: Path):
    (tmp_path / "c.toml").write_text(told)
    with pytest.raises(BadInput) as caught:
        read_train_config(tmp_path / "c.toml", {})
    assert said in str(caught.value)


def test_a_batch_of_the_world_is_a_function_of_seed_and_step():
    world = World(tokenizer(), stage="early", length=128)
    first = world.batch(3, 4, 1)
    again = World(tokenizer(), stage="early", length=128).batch(3, 4, 1)
    assert all((a == b).all() for a, b in zip(vars(first).values(), vars(again).values(), strict=True))
    assert not (first.ids == world.batch(4, 4, 1).ids).all()
    assert not (first.ids == world.batch(3, 4, 2).ids).all()
