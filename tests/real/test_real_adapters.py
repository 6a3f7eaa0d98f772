"""A real network of 260 thousand weights: fine-tuned with LoRA in two ways, served with both in a batch, merged."""

import itertools
import json
import runpy
from pathlib import Path
from typing import Any

import anyio
import pytest

from jielong import Message, Model, Request, Sampling, load
from jielong.models.local.transformers_engine import TorchEngine
from jielong.training.pretrain_and_finetune import finetune, merge
from jielong.training.train_config import TrainConfig

pytest.importorskip("torch")
pytest.importorskip("peft")
pytestmark = pytest.mark.real

SCRIPT = Path(__file__).parents[2] / "examples" / "stories260k_to_hf.py"
TEMPLATE = "{% for message in messages %}{{ message['content'] }}<s>{% endfor %}"
NAMES = ("Lily", "Tom", "Max", "Sam", "Ann", "Ben", "Mia", "Tim")
REPLIES = {"ball": "The red ball.", "dog": "The big dog."}


@pytest.fixture(scope="module")
def tuned(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The recipes of the base and of its two adapters."""
    out = tmp_path_factory.mktemp("stories")
    base = out / "base"
    runpy.run_path(str(SCRIPT))["main"](data / "tiny_lm_stories260K", base)
    (base / "chat_template.jinja").write_text(TEMPLATE)
    recipes = {"base": f"local:{base}"}
    for name, reply in REPLIES.items():
        rows = [{"prompt": f"What did {each} see?", "completion": reply} for each in NAMES]
        (out / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
        settings = {
            "out": out / name, "start": str(base), "adapter": {"rank": 8},
            "stages": [{"source": str(out / f"{name}.jsonl"), "tokens": 5120, "length": 128}],
            "loop": {"batch_tokens": 256, "learning_rate": 0.02, "weight_decay": 0.0, "bf16": False},
        }  # fmt: skip
        recipes[name] = finetune(TrainConfig.model_validate(settings)).name
    return recipes


def about(name: str) -> Request:
    return Request((Message("user", f"What did {name} see?"),), Sampling(max_tokens=24))


async def replies(models: list[Model], names: tuple[str, ...]) -> list[str]:
    texts: dict[int, str] = {}

    async def ask(number: int, model: Model, name: str) -> None:
        texts[number] = (await model.generate(about(name))).text

    async with anyio.create_task_group() as group:
        for number, (model, name) in enumerate((model, name) for name in names for model in models):
            group.start_soon(ask, number, model, name)
    return [texts[number] for number in sorted(texts)]


def test_two_adapters_and_their_base_share_a_batch(tuned: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    batches: list[tuple[str, ...]] = []
    step = TorchEngine.step

    def watched(self: Any, *arguments: Any) -> Any:
        batches.append(tuple(self._adapter_of_row))
        return step(self, *arguments)

    models = [load(tuned[name]) for name in ("base", "ball", "dog")]
    alone = [anyio.run(model.generate, about("Zoe")).text for model in models]
    assert alone[1:] == list(REPLIES.values())
    assert alone[0] not in alone[1:]
    monkeypatch.setattr(TorchEngine, "step", watched)
    assert anyio.run(replies, models, ("Zoe", "Lily", "Zoe"))[:3] == alone
    assert any({"", "adapter0", "adapter1"} <= set(batch) for batch in batches)
    assert any(a != b and a and b for batch in batches for a, b in itertools.pairwise(batch))


def test_an_adapter_has_logprobs_and_next_tokens_of_its_own(tuned: dict[str, str]):
    def logprob(recipe: str) -> float:
        tokens = anyio.run(load(recipe).logprobs, about("Tom"), "The red ball.")
        return sum(token.logprob for token in tokens)

    assert logprob(tuned["ball"]) > -0.5 > logprob(tuned["dog"])
    assert logprob(tuned["base"]) < -5


def test_merged_it_answers_the_same_everywhere(tuned: dict[str, str], tmp_path: Path):
    result = merge(tuned["ball"], tmp_path / "merged")
    assert result.difference < 1e-4 < result.effect
    for engine in ("torch", "numpy"):
        assert load(f"local:{tmp_path / 'merged'}?engine={engine}").ask("What did Zoe see?") == REPLIES["ball"]


def test_training_goes_on_from_an_adapter(tuned: dict[str, str], tmp_path: Path):
    rows = [{"prompt": f"What did {each} see?", "completion": "The sun."} for each in NAMES]
    (tmp_path / "sun.jsonl").write_text("\n".join(map(json.dumps, rows)))
    settings = {
        "out": tmp_path / "sun", "start": tuned["ball"],
        "stages": [{"source": str(tmp_path / "sun.jsonl"), "tokens": 7680, "length": 128}],
        "loop": {"batch_tokens": 256, "learning_rate": 0.01, "weight_decay": 0.0, "bf16": False},
    }  # fmt: skip
    model = finetune(TrainConfig.model_validate(settings))
    assert model.name == f"{tuned['ball'].partition('+')[0]}+{tmp_path / 'sun' / 'adapter'}"
    assert model.ask("What did Zoe see?") == "The sun."
    assert load(tuned["ball"]).ask("What did Zoe see?") == REPLIES["ball"]
