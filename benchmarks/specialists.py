"""Specialists against a generalist, and classifiers beside their peers.

    python benchmarks/specialists.py kinds [TOKENS] [ITEMS]        six kinds that mini has not seen, one for nobody
    python benchmarks/specialists.py peers DATA ENCODER            public sets (classification_prompts, boolq_dev)
    python benchmarks/specialists.py public DATA ENCODER [TOKENS]  the same sets, by specialists and generalist

`kinds` and `public` are `jielong train specialists` with the settings below; what was trained stays in build/, so that
a run that was interrupted goes on. `peers`, on the same items: TF-IDF of words and pairs of words with logistic
regression, its strength chosen by five folds of what is learnt (scikit-learn, which is no dependency), and ENCODER
fine-tuned by our own classifier for `EPOCHS`. Writes benchmarks/results/specialists.json, a part at a time.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from common import RESULTS, ROOT, write

from jielong.improving.specialists import train_specialists
from jielong.improving.specialists_config import SpecialistsConfig
from jielong.improving.specialists_data import LearntTask, read_tasks
from jielong.measuring.results import interval_json
from jielong.recipe import load
from jielong.stats import mean, paired_difference
from jielong.training.classification import LabelConfig, LabelledText, train_classifier
from jielong.training.train_config import DocumentLoopConfig
from jielong.training.training_output import CurvePoint

sys.path.append(str(ROOT / "scripts"))
import specialist_tasks

BUILD, FILE = ROOT / "build" / "specialists", "specialists"
MINI_LOOP = {"batch_tokens": 256, "learning_rate": 0.002, "bf16": False}
ENCODER_LOOP = {"batch_tokens": 256, "learning_rate": 0.0005, "bf16": False, "weight_decay": 0.01}
SETS = ("trec", "sst2", "subj", "cr", "mr", "sst-5", "agnews")
ENCODER_TOKENS = {"boolq": 120_000}  # of passages, that the encoder reads
EPOCHS = 4  # of the other sets


def points(name: str, tokens: int) -> Callable[[CurvePoint], None]:
    print(f"{time.strftime('%H:%M:%S')} {name}: {tokens:,} tokens", file=sys.stderr)
    return lambda point: None


def kinds(tokens: str = "24576", items: str = "200") -> None:
    """So many tokens of each of the six kinds, from mini."""
    folder = BUILD / "kinds"
    if not folder.exists():
        specialist_tasks.write(folder, items=2000, test=int(items))
    tasks = [
        {"name": name, "train": str(folder / f"{name}.jsonl"), "test": str(folder / f"{name}_test.jsonl")}
        for name in specialist_tasks.KINDS
    ]
    unseen = [{"name": name, "test": str(folder / f"{name}_test.jsonl")} for name in specialist_tasks.UNSEEN]
    config = SpecialistsConfig.model_validate({
        "out": BUILD / f"kinds_{tokens}", "start": "mini", "tokens": int(tokens), "length": 128,
        "test_items": int(items), "tasks": tasks, "unseen": unseen, "loop": MINI_LOOP,
        "classifier": {"start": "mini", "loop": MINI_LOOP},
    })  # fmt: skip
    add("kinds", train_specialists(config, points).to_json())


def public(data: str, encoder: str, tokens: str = "16384", items: str = "200") -> None:
    add("public", train_specialists(public_config(Path(data), encoder, int(tokens), int(items)), points).to_json())


def public_config(data: Path, encoder: str, tokens: int, items: int) -> SpecialistsConfig:
    return SpecialistsConfig.model_validate({
        "out": BUILD / f"public_{tokens}", "start": "mini", "tokens": tokens, "length": 256, "test_items": items,
        "tasks": [_task(data, name) for name in SETS], "loop": MINI_LOOP,
        "classifier": {"start": encoder, "loop": ENCODER_LOOP},
    })  # fmt: skip


def _task(data: Path, name: str) -> dict[str, Any]:
    if name == "boolq":
        return {"name": name, "train": str(data / "boolq_dev/dev.jsonl")}
    file = BUILD / "sets" / f"{name}.jsonl"
    test = data / "classification_prompts" / name / "seed5" / "test.txt"
    parts = {"": data / "classification_prompts" / name / "seed5" / "dev_500.txt", "_test": test}
    for suffix, source in parts.items():
        if source.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            lines = [line.rpartition("\t") for line in source.read_text("utf-8").splitlines() if "\t" in line]
            rows = (json.dumps({"input": text, "answer": label}) + "\n" for text, _, label in lines)
            file.with_stem(f"{name}{suffix}").write_text("".join(rows))
    own_test = {"test": str(file.with_stem(f"{name}_test"))} if test.exists() else {}
    return {"name": name, "train": str(file), **own_test, "instruction": f"{name}:", "rule": "exact"}


def all_peers(data: str, encoder: str, items: str = "200") -> None:
    tasks = read_tasks(public_config(Path(data), encoder, 1, int(items)))
    boolq = SpecialistsConfig.model_validate({
        "out": BUILD, "tokens": 1, "length": 256, "test_items": 400, "loop": MINI_LOOP,
        "tasks": [{**_task(Path(data), "boolq"), "limit": 1600}, {**_task(Path(data), "boolq"), "name": "again"}],
    })  # fmt: skip
    every = [*tasks, read_tasks(boolq)[0]]
    for task in every:
        peers(task)
    for task in every:
        peers(task, encoder)


def peers(task: LearntTask, encoder: str = "") -> None:
    """The majority and TF-IDF with logistic regression on the test of a task; the encoder, too, where one is named."""
    part = f"peers {task.name}"
    if ("encoder" if encoder else "tfidf") in read().get(part, {}):
        return
    texts = [item.request().messages[-1].text for item in task.train]
    labels = [item.accepted[0] for item in task.train]
    test = [item.request().messages[-1].text for item in task.test.items]
    gold = [item.accepted[0] for item in task.test.items]
    majority = max(sorted(set(labels)), key=labels.count)
    right = {
        "majority": [float(label == majority) for label in gold],
        "tfidf": [float(a == b) for a, b in zip(tfidf(texts, labels, test), gold, strict=True)],
        **({"encoder": encoder_scores(task, encoder)} if encoder else {}),
    }
    figures: dict[str, Any] = {"learnt": len(texts), "n": len(gold), "labels": len(set(labels))}
    for name, scores in right.items():
        estimate = mean(scores)
        figures[name] = {"mean": estimate.mean, "ci95": interval_json(estimate.ci95)}
    if encoder:
        pair = paired_difference(right["tfidf"], right["encoder"])
        figures["encoder_less_tfidf"] = {"difference": pair.difference, "ci95": interval_json(pair.ci95), "p": pair.p}
    add(part, figures)


def tfidf(texts: Sequence[str], labels: Sequence[str], test: Sequence[str]) -> list[str]:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    model = make_pipeline(words, LogisticRegression(max_iter=2000))
    search = GridSearchCV(model, {"logisticregression__C": [0.3, 1, 3, 10, 30]}, cv=5)
    return list(search.fit(list(texts), list(labels)).predict(list(test)))


def encoder_scores(task: LearntTask, encoder: str) -> list[float]:
    texts = [LabelledText(item.request(), item.accepted[0]) for item in task.train]
    words = sum(len(text.request.messages[-1].text.split()) for text in texts)
    tokens = ENCODER_TOKENS.get(task.name, round(EPOCHS * 1.4 * words))  # 1.4 of its tokens are a word
    config = LabelConfig(
        out=BUILD / "encoder" / task.name, start=encoder, tokens=tokens, loop=DocumentLoopConfig(**ENCODER_LOOP)
    )
    result = train_classifier(texts, config, points(f"encoder {task.name}", tokens))
    model = load(result.recipe)
    return [float(model.ask(item.request().messages[-1].text) == item.accepted[0]) for item in task.test.items]


def read() -> dict[str, Any]:
    file = RESULTS / f"{FILE}.json"
    return dict(json.loads(file.read_text("utf-8"))) if file.exists() else {}


def add(part: str, figures: dict[str, Any]) -> None:
    write(FILE, {**read(), part: figures}, quiet=True)
    print(part, json.dumps(figures)[:400])


if __name__ == "__main__":
    part, *arguments = sys.argv[1:] or ["kinds"]
    {"kinds": kinds, "peers": all_peers, "public": public}[part](*arguments)
