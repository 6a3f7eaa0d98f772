"""What `make mini` does after the training: count what was told, install the weights, measure, write the model card.

jielong train pretrain recipes/mini.toml
python recipes/mini.py build/mini
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import mini_card
import mini_knowledge
import mini_scores
from tokenizers import Tokenizer

from jielong.models.mini import WEIGHTS
from jielong.training.packing import batch_of
from jielong.training.settings import Settings, read
from jielong.training.sources import World, open_source

RECIPE = Path(__file__).with_name("mini.toml")
PARTS = ("model.safetensors", "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json")


def told(settings: Settings, tokenizer: Tokenizer) -> dict[str, Any]:
    """How often the batches of the training stated each fact, at each snapshot and at the end, and a hash of them all:
    the batches are made again."""
    counted: Counter[str] = Counter()
    data = hashlib.sha256()
    at_snapshots: dict[str, dict[str, int]] = {}
    batch_tokens, seed = settings.loop.batch_tokens, settings.loop.seed
    marks = {-(-tokens // batch_tokens) for tokens in settings.loop.snapshots}
    sources: dict[tuple[str, int], World] = {}
    for step in range(settings.steps):
        stage = settings.stage_at(step)
        if (stage.source, stage.length) not in sources:
            opened = open_source(stage.source, tokenizer, None, stage.length)
            assert isinstance(opened, World)
            sources[stage.source, stage.length] = opened
        source = sources[stage.source, stage.length]
        rows = source.rows(step, batch_tokens // stage.length, seed)
        for row in rows:
            for document in row.documents:
                counted.update(document.states)
        data.update(batch_of(rows, 0).ids.tobytes())
        if step + 1 in marks:
            at_snapshots[str((step + 1) * batch_tokens)] = dict(counted)
    return {
        "facts": dict(sorted(counted.items())),
        "tokens": settings.steps * batch_tokens,
        "data_sha256": data.hexdigest(),
        "snapshots": at_snapshots,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="where the training wrote")
    parser.add_argument("--items", type=int, default=500, help="items of each task and language")
    asked = parser.parse_args()
    settings = read(RECIPE, {"out": str(asked.out)})
    counts = asked.out / "told.json"
    if not counts.exists():
        counts.write_text(json.dumps(told(settings, Tokenizer.from_file(str(asked.out / "tokenizer.json")))))
    known = json.loads(counts.read_text())
    for name in PARTS:
        shutil.copyfile(asked.out / "weights" / name, WEIGHTS / name)
    shown = {key: known[key] for key in ("tokens", "data_sha256", "facts")}
    (WEIGHTS / "exposures.json").write_text(json.dumps(shown, indent=0, sort_keys=True) + "\n")
    knowledge = mini_knowledge.by_tokens(asked.out, known)
    scores = mini_scores.measured(asked.items)
    found = {"scores": scores, "knowledge": knowledge, "data_sha256": known["data_sha256"], "tokens": known["tokens"]}
    (asked.out / "scores.json").write_text(json.dumps(found, indent=1))
    (WEIGHTS / "MODEL_CARD.md").write_text(mini_card.written(settings, found), "utf-8")


if __name__ == "__main__":
    main()
