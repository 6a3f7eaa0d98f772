"""local: of a checkpoint that classifies: its reply is a label, the one that transformers computes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from jielong import Message, Request, Sampling, load
from jielong.contract import Reply, ToolSpec
from jielong.errors import BadInput, MissingExtra, Unsupported
from jielong.models.local.classifier import Classifier
from jielong.scope import scope

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from tiny_encoder import LABELS, write_encoder

TEXTS = ["good film", "bad film", "a good good good film that was not bad", "film", "was bad bad bad"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("classifier"), labels=LABELS)


def asked(text: str, **sampling: Any) -> Request:
    return Request((Message("user", text),), Sampling(**sampling))


def answered(folder: Path, request: Request) -> Reply:
    return anyio.run(load(f"local:{folder}").generate, request)


def oracle(folder: Path, text: str) -> Any:
    """The logits as a user of transformers would compute them."""
    tokenizer = transformers.PreTrainedTokenizerFast.from_pretrained(folder)
    network = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        return network(**tokenizer(text, return_tensors="pt")).logits[0].log_softmax(-1)


def test_the_reply_is_the_label_that_transformers_finds(folder: Path):
    for text in TEXTS:
        expected = oracle(folder, text)
        reply = answered(folder, asked(text, logprobs=3))
        assert reply.text == LABELS[int(expected.argmax())]
        (only,) = reply.logprobs or ()
        assert only.logprob == pytest.approx(float(expected.max()), abs=1e-5)
        assert dict(only.top) == pytest.approx(dict(zip(LABELS, expected.tolist(), strict=True)), abs=1e-5)
        assert reply.finish == "stop"
        assert reply.usage.output_tokens == 0


def test_a_tokenizer_that_says_to_cut_and_to_fill_up_every_text_is_not_obeyed(folder: Path):
    """Files of sentence encoders say so: 128 tokens, padded to 128."""
    settings = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    assert settings["truncation"]
    assert settings["padding"]
    model = load(f"local:{folder}")
    assert isinstance(model, Classifier)
    assert len(model.encode(asked("good film"))) == 4
    assert len(model.encode(asked("good " * 20))) == 22


def test_a_text_that_is_too_long_loses_its_middle_and_a_note_says_so(folder: Path):
    model = load(f"local:{folder}")
    assert isinstance(model, Classifier)
    with scope("asking") as asking:
        ids = model.encode(asked("good " * 50 + "bad " * 50))
    first, last = model.encode(asked("good")), model.encode(asked("bad"))
    assert len(ids) == 32
    assert ids[:2] == first[:2]
    assert ids[-2:] == last[-2:]
    assert list(asking.notes) == ["texts of more than 32 tokens are read without their middle"]


def test_the_log_probability_of_a_label_and_of_nothing_else(folder: Path):
    model, expected = load(f"local:{folder}"), oracle(folder, "bad film")
    for label, logprob in zip(LABELS, expected.tolist(), strict=True):
        (only,) = anyio.run(model.logprobs, asked("bad film"), label)
        assert only.logprob == pytest.approx(logprob, abs=1e-5)
    with pytest.raises(Unsupported, match="knows no label 'fine'; its labels are bad, fair, good"):
        anyio.run(model.logprobs, asked("bad film"), "fine")


def test_labels_are_its_next_tokens_and_none_follows(folder: Path):
    model = load(f"local:{folder}")
    assert isinstance(model, Classifier)
    tokens = anyio.run(model.next_tokens, asked("good film"), (), 5)
    assert sorted(token.text for token in tokens) == LABELS
    assert sum(token.probability for token in tokens) == pytest.approx(1)
    assert anyio.run(model.next_tokens, asked("good film"), (tokens[0].token,), 5) == ()


def test_a_label_is_drawn_at_a_temperature_and_is_a_function_of_the_seed(folder: Path):
    drawn = [answered(folder, asked("good film", temperature=5.0, seed=seed)).text for seed in range(40)]
    assert set(drawn) == set(LABELS)
    assert drawn == [answered(folder, asked("good film", temperature=5.0, seed=seed)).text for seed in range(40)]


def with_config(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        file = folder / "config.json"
        file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | changes))

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (with_config(id2label={"0": "LABEL_0"}), "gives one number for a text and no label"),
        (with_config(problem_type="multi_label_classification"), "gives several labels at once"),
        (with_config(id2label={"yes": "a", "no": "b"}), "id2label in config.json: expected numbers of labels"),
        (with_config(id2label={"0": "good", "1": "good"}), "two labels are called 'good'"),
    ],
)
def test_a_head_that_gives_no_single_label_is_refused(change: Callable[[Path], None], message: str, tmp_path: Path):
    change(write_encoder(tmp_path, labels=LABELS))
    with pytest.raises(BadInput, match=message):
        load(f"local:{tmp_path}")


def test_what_a_classifier_cannot_do_is_refused_and_never_dropped(folder: Path):
    tool = ToolSpec("search")
    history = (Message("user", "good"), Message("assistant", "good"), Message("user", "bad"))
    for request in (
        Request((Message("user", "x"),), schema={"type": "string"}),
        Request(asked("x").messages, tools=(tool,)),
        Request(history),
    ):
        with pytest.raises(Unsupported):
            answered(folder, request)
    with pytest.raises(MissingExtra, match="a classifier, needs an extra"):
        load(f"local:{folder}?engine=numpy")
