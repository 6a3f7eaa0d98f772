"""What `make mini` does after the training: count what was told, install the weights, measure, write the model card.

jielong train pretrain recipes/mini.toml
jielong train finetune recipes/mini_late.toml
python recipes/mini.py build/mini
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mini_card
import mini_knowledge
import mini_scores
from tokenizers import Tokenizer

from jielong.models.mini import WEIGHTS
from jielong.training.packing import batch_of
from jielong.training.settings import Settings, Stage, read
from jielong.training.sources import World, open_source

RECIPES = (Path(__file__).with_name("mini.toml"), Path(__file__).with_name("mini_late.toml"))
PARTS = ("model.safetensors", "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json")


@dataclass
class Told:
    """How often each fact was stated, how many tokens were read, and a hash of all batches."""

    facts: Counter[str]
    tokens: int
    data: Any  # a SHA-256 that goes on

    def add(self, settings: Settings, tokenizer: Tokenizer) -> Iterator[int]:
        """Make the batches of a training again; the numbers of tokens at its snapshots and its end, as they come."""
        batch_tokens, seed = settings.loop.batch_tokens, settings.loop.seed
        marks = settings.loop.snapshot_steps | {settings.steps}
        sources = {stage: _world(stage, tokenizer) for stage in settings.stages}
        for step in range(settings.steps):
            stage = settings.stage_at(step)
            rows = sources[stage].rows(step, batch_tokens // stage.length, seed)
            for row in rows:
                for document in row.documents:
                    self.facts.update(document.states)
            self.data.update(batch_of(rows, 0).ids.tobytes())
            self.tokens += batch_tokens
            if step + 1 in marks:
                yield self.tokens


def _world(stage: Stage, tokenizer: Tokenizer) -> World:
    opened = open_source(stage.source, tokenizer, None, stage.length)
    assert isinstance(opened, World)
    return opened


def counted(trainings: list[Settings], tokenizer: Tokenizer) -> dict[str, Any]:
    told = Told(Counter(), 0, hashlib.sha256())
    at_marks: dict[str, dict[str, int]] = {}
    for settings in trainings:
        for tokens in told.add(settings, tokenizer):
            at_marks[str(tokens)] = dict(sorted(told.facts.items()))
    return {"tokens": told.tokens, "data_sha256": told.data.hexdigest(), "told": at_marks}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="where the training wrote")
    parser.add_argument("--items", type=int, default=500, help="items of each task and language")
    asked = parser.parse_args()
    first, late = (read(recipe, {}) for recipe in RECIPES)
    kept = asked.out / "told.json"
    if not kept.exists():
        kept.write_text(json.dumps(counted([first, late], Tokenizer.from_file(str(asked.out / "tokenizer.json")))))
    known = json.loads(kept.read_text())
    for name in PARTS:
        shutil.copyfile(asked.out / "late" / "weights" / name, WEIGHTS / name)
    shown = {
        "tokens": known["tokens"],
        "data_sha256": known["data_sha256"],
        "facts": known["told"][str(known["tokens"])],
    }
    (WEIGHTS / "exposures.json").write_text(json.dumps(shown, indent=0, sort_keys=True) + "\n")
    folders = {int(tokens): asked.out / "snapshots" / tokens for tokens in known["told"]}
    *_, ended, last = sorted(folders)
    folders |= {ended: asked.out / "weights", last: asked.out / "late" / "weights"}
    found = {
        "scores": mini_scores.measured(asked.items),
        "knowledge": mini_knowledge.by_tokens(folders, {int(at): facts for at, facts in known["told"].items()}),
        "data_sha256": known["data_sha256"],
        "tokens": [ended, last - ended],
    }
    (asked.out / "scores.json").write_text(json.dumps(found, indent=1))
    (WEIGHTS / "MODEL_CARD.md").write_text(mini_card.written(first, late, found), "utf-8")


if __name__ == "__main__":
    main()
