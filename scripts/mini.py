"""What `make mini` does after the training: count what was told, install the weights, measure, write the model card.

jielong train pretrain scripts/mini.toml
jielong train finetune scripts/mini_late.toml
python scripts/mini.py build/mini

Trained on from the weights that ship (`--set start=…`), `--onto` adds to what `mini_made.json` knows of their making.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mini_card
import mini_knowledge
import mini_scores
from tokenizers import Tokenizer

from jielong.models.mini import WEIGHTS
from jielong.training.data_sources import World, open_document_source
from jielong.training.sequence_packing import batch_of
from jielong.training.train_config import Stage, TrainConfig, read_train_config

HERE = Path(__file__).parent
MADE = HERE / "mini_made.json"
PARTS = ("model.safetensors", "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json")


@dataclass
class Made:
    """The trainings behind some weights, what was known of facts on the way, and how often each fact was stated."""

    trainings: list[dict[str, Any]] = field(default_factory=list)
    knowledge: list[dict[str, Any]] = field(default_factory=list)
    facts: Counter[str] = field(default_factory=Counter)

    @property
    def tokens(self) -> int:
        return sum(training["tokens"] for training in self.trainings)

    def follow(self, recipe: Path, out: Path) -> None:
        """Make the batches of a training again and count; look at its snapshots in `out` and at its end."""
        settings, before = read_train_config(recipe, {}), self.tokens
        tokenizer = Tokenizer.from_file(str(out / "weights" / "tokenizer.json"))
        loop, data = settings.loop, hashlib.sha256()
        snapshots = {step: out / "snapshots" / str(step * loop.batch_tokens) for step in loop.snapshot_steps}
        folders = snapshots | {settings.steps: out / "weights"}
        for step, states in _batches(settings, tokenizer, data):
            self.facts.update(states)
            if step in folders:
                told = before + step * loop.batch_tokens
                self.knowledge.append(mini_knowledge.row(folders[step], told, self.facts))
        said = {"recipe": recipe.name, "tokens": settings.steps * loop.batch_tokens, "rate": loop.rate}
        self.trainings.append(said | {"data_sha256": data.hexdigest()})


def _batches(settings: TrainConfig, tokenizer: Tokenizer, data: Any) -> Iterator[tuple[int, list[str]]]:
    """The number of each step and the facts that its batch states; `data` is a SHA-256 of all batches."""
    sources = {stage: _world(stage, tokenizer) for stage in settings.stages}
    for step in range(settings.steps):
        stage = settings.stage_at(step)
        rows = sources[stage].rows(step, settings.loop.batch_tokens // stage.length, settings.loop.seed)
        data.update(batch_of(rows, 0).ids.tobytes())
        yield step + 1, [fact for row in rows for document in row.documents for fact in document.states]


def _world(stage: Stage, tokenizer: Tokenizer) -> World:
    opened = open_document_source(stage.source, tokenizer, None, stage.length)
    assert isinstance(opened, World)
    return opened


def _shipped() -> Made:
    known = json.loads(MADE.read_text())
    told = json.loads((WEIGHTS / "exposures.json").read_text())
    return Made(known["trainings"], known["knowledge"], Counter(told["facts"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="where the training wrote")
    parser.add_argument("--items", type=int, default=500, help="items of each task and language")
    parser.add_argument("--onto", action="store_true", help="the last training began with the weights that ship")
    asked = parser.parse_args()
    made, late = (_shipped() if asked.onto else Made()), asked.out / "late"
    if not asked.onto:
        made.follow(HERE / "mini.toml", asked.out)
    made.follow(HERE / "mini_late.toml", late)
    for name in PARTS:
        shutil.copyfile(late / "weights" / name, WEIGHTS / name)
    MADE.write_text(json.dumps({"trainings": made.trainings, "knowledge": made.knowledge}, indent=1) + "\n")
    told = {"tokens": made.tokens, "facts": dict(sorted(made.facts.items()))}
    (WEIGHTS / "exposures.json").write_text(json.dumps(told, indent=0) + "\n")
    write_card(mini_scores.measured(asked.items), asked.out)


def write_card(scores: dict[str, Any], out: Path) -> None:
    (out / "scores.json").write_text(json.dumps(scores, indent=1))
    (WEIGHTS / "MODEL_CARD.md").write_text(mini_card.written(json.loads(MADE.read_text()), scores), "utf-8")


if __name__ == "__main__":
    main()
