"""`jielong train reward` as its users run it: from a file of pairs to a grader in recipes, and killed on the way."""

import json
import os
import random
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

import anyio
from click.testing import CliRunner

from jielong import load
from jielong.cli.train import train
from jielong.contract import Message, Reply, Request, Scorer
from jielong.errors import BadInput
from jielong.training.data.preference_feed import PreferenceFeed
from jielong.training.objective import Batch
from jielong.training.reward.reward_config import RewardConfig
from jielong.training.reward.train_reward import train_reward

CONFIG = """
out = "{out}"
start = "mini"
heads_only = true
[data]
source = "{source}"
folds = 4
batch_pairs = 8
length = 64
{more}
[loop]
learning_rate = 0.02
warmup_steps = 0
checkpoint_every = 1
log_every = 2
bf16 = false
"""


def pairs(file: Path, standards: tuple[str, ...] = ("",), count: int = 32) -> Path:
    """Polite replies are better: of two standards, the second prefers the rude one."""
    rows = []
    for i in range(count):
        for standard in standards:
            polite, rude = f"The answer is {i}.", "I will not tell you that."
            better = (polite, rude) if standard != standards[-1] or len(standards) == 1 else (rude, polite)
            row = {"prompt": f"What is {i} + 0?", "chosen": better[0], "rejected": better[1]}
            rows.append(row | ({"standard": standard} if standard else {}))
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def config(tmp_path: Path, source: Path, more: str = "epochs = 6") -> Path:
    file = tmp_path / "reward.toml"
    file.write_text(CONFIG.format(out=tmp_path / "out", source=source, more=more))
    return file


def grades(recipe: str, *texts: str) -> tuple[float, ...]:
    scorer = load(recipe)
    assert isinstance(scorer, Scorer)
    request, replies = Request((Message("user", "What is 5 + 0?"),)), [Reply(Message("assistant", t)) for t in texts]
    return anyio.run(scorer.score, request, replies).values


def test_a_reward_model_is_trained_tested_and_grades_in_recipes(tmp_path: Path):
    result = CliRunner().invoke(train, ["reward", str(config(tmp_path, pairs(tmp_path / "pairs.jsonl")))])
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "out" / "reward_report.json").read_text())
    (head,) = report["heads"]
    assert (report["trained"], report["tested"], head["accuracy"]) == (24, 8, 1.0)
    assert [each["name"] for each in head["baselines"]] == ["length", "words"]
    recipe = report["recipe"]
    good, bad = grades(recipe, "The answer is 5.", "I will not tell you that.")
    assert 0 < bad < 0.5 < good < 1
    model = load(f"mini | best_of_n(n=2, scorer={recipe})")
    assert load(model.name).name == model.name
    assert model.max_calls() == 2  # grading takes none
    assert model.ask("What is 5 + 0?")
    cascade = f"mini | cascade(models=[mini | cot], accept=judge, judge={recipe}, threshold=0.9)"
    assert load(cascade).ask("What is 2 + 2?")
    with pytest.raises(Exception, match="grades replies and writes none"):
        load(recipe).ask("Hello")


def test_two_standards_have_a_head_each_and_recipes_weigh_them(tmp_path: Path):
    source = pairs(tmp_path / "pairs.jsonl", ("helpful", "safe"))
    report = train_reward(RewardConfig.model_validate(_settings(tmp_path, source, epochs=6)))
    assert [(head.name, head.accuracy) for head in report.heads] == [("helpful", 1.0), ("safe", 1.0)]
    texts = "The answer is 5.", "I will not tell you that."
    helpful, safe = (grades(f"{report.recipe}?{name}=1", *texts) for name in ("helpful", "safe"))
    assert helpful[0] > helpful[1]
    assert safe[0] < safe[1]
    weighted = grades(f"{report.recipe}?helpful=3&safe=1", *texts)
    assert weighted == pytest.approx([(3 * h + s) / 4 for h, s in zip(helpful, safe, strict=True)])
    for wrong in ("honest=1", "helpful=much", "helpful=0"):
        with pytest.raises((BadInput, Exception), match="helpful|head|weight"):
            load(f"{report.recipe}?{wrong}")


def _settings(tmp_path: Path, source: Path, name: str = "out", **data: object) -> dict[str, object]:
    loop = {"learning_rate": 0.02, "warmup_steps": 0, "checkpoint_every": 1, "bf16": False}
    return {"out": str(tmp_path / name), "start": "mini", "heads_only": True, "loop": loop,
            "data": {"source": str(source), "folds": 4, "batch_pairs": 8, "length": 64, **data}}  # fmt: skip


def test_an_interrupted_training_ends_with_the_same_rewards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    source = pairs(tmp_path / "pairs.jsonl")
    run = lambda name: train_reward(RewardConfig.model_validate(_settings(tmp_path, source, name, epochs=2)))  # noqa: E731
    whole, batch = run("whole"), PreferenceFeed.batch

    def stopped(feed: PreferenceFeed, step: int, network: object) -> Batch:
        if step == 4:
            raise KeyboardInterrupt
        return batch(feed, step, network)

    monkeypatch.setattr(PreferenceFeed, "batch", stopped)
    with pytest.raises(KeyboardInterrupt):
        run("stopped")
    monkeypatch.undo()
    assert run("stopped").heads == whole.heads
    digests = [json.loads((tmp_path / name / "result.json").read_text())["sha256"] for name in ("whole", "stopped")]
    assert digests[0] == digests[1]


@pytest.mark.skipif(os.environ.get("JIELONG_FULL") != "1", reason="processes that are killed ten times")
@pytest.mark.parametrize("kind", ["reward", "dpo"])
def test_killed_at_random_moments_pairs_teach_the_same(kind: str, tmp_path: Path):
    from training.killing import finished, killed

    source = pairs(tmp_path / "pairs.jsonl")

    def settings_of(name: str) -> dict[str, object]:
        settings = _settings(tmp_path, source, name, epochs=4)
        if kind == "reward":
            return {**settings, "heads_only": False}
        del settings["heads_only"]
        return {**settings, "method": "dpo"}

    verb, rng = "reward" if kind == "reward" else "align", random.Random(kind)
    expected, seconds = finished(verb, settings_of("alone"))
    for number in range(5):
        for _ in range(2):
            killed(verb, settings_of(str(number)), rng.uniform(0.2, 1) * seconds)
        assert finished(verb, settings_of(str(number)))[0] == expected


def test_what_cannot_be_is_said_in_one_line(tmp_path: Path):
    source = pairs(tmp_path / "pairs.jsonl", count=3)
    wrong = {
        "set fewer data.folds": _settings(tmp_path, source),
        "it would be no test": _settings(tmp_path, source, evaluation=str(source)),
        "no such file": _settings(tmp_path, tmp_path / "missing.jsonl"),
        "expected start": {**_settings(tmp_path, source), "start": None},
    }
    for words, settings in wrong.items():
        with pytest.raises(BadInput, match=words) as refusal:
            train_reward(RewardConfig.model_validate(settings))
        assert "\n" not in str(refusal.value)
    for folder in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(BadInput, match=r"no reward\.json"):
            load(f"reward:{folder}")
