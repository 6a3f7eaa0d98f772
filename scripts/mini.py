"""What `make mini` does after training: count the stated facts, install the weights, measure, write the model card.

jielong train pretrain scripts/mini.toml
jielong train finetune scripts/mini_late.toml
python scripts/mini.py build/mini

After training on from the weights that ship (`--set start=…`), `--onto` adds to what `mini_trainings.json` holds.
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
from jielong.training.data.mini_documents import WORLD_STAGES, WorldSource
from jielong.training.data.sequence_packing import pack_batch
from jielong.training.train_config import TrainConfig, read_train_config

HERE = Path(__file__).parent
TRAININGS = HERE / "mini_trainings.json"
PARTS = ("model.safetensors", "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json")


@dataclass
class History:
    """The trainings behind some weights, what they knew of facts on the way, and how often each fact was stated."""

    trainings: list[dict[str, Any]] = field(default_factory=list)
    knowledge: list[dict[str, Any]] = field(default_factory=list)
    facts: Counter[str] = field(default_factory=Counter)

    @property
    def tokens(self) -> int:
        return sum(training["tokens"] for training in self.trainings)

    def add_training(self, config_file: Path, out: Path) -> None:
        """Make the batches of a training again and count; look at its snapshots in `out` and at its end."""
        settings, before = read_train_config(config_file), self.tokens
        tokenizer = Tokenizer.from_file(str(out / "weights" / "tokenizer.json"))
        loop, data = settings.loop, hashlib.sha256()
        ends = range(loop.batch_tokens, settings.steps * loop.batch_tokens + 1, loop.batch_tokens)
        taken = [end for end in ends if loop.snapshot_between(end - loop.batch_tokens, end)]
        snapshots = {end // loop.batch_tokens: out / "snapshots" / str(end) for end in taken}
        folders = snapshots | {settings.steps: out / "weights"}
        for step, facts in _batches(settings, tokenizer, data):
            self.facts.update(facts)
            if step in folders:
                tokens = before + step * loop.batch_tokens
                self.knowledge.append(mini_knowledge.row(folders[step], tokens, self.facts))
        training = {"recipe": config_file.name, "tokens": settings.steps * loop.batch_tokens}
        self.trainings.append(training | {"rate": loop.learning_rate, "data_sha256": data.hexdigest()})


def _batches(settings: TrainConfig, tokenizer: Tokenizer, data: Any) -> Iterator[tuple[int, list[str]]]:
    """The number of each step and the facts that its batch states; `data` is a SHA-256 of all batches."""
    sources = {s: WorldSource(tokenizer, WORLD_STAGES[s.source], s.length) for s in settings.stages}
    for step in range(settings.steps):
        stage = settings.stage_at(step)
        rows = sources[stage].rows(step, settings.loop.batch_tokens // stage.length, settings.loop.seed)
        data.update(pack_batch(rows, 0)["input_ids"].tobytes())
        yield step + 1, [fact for row in rows for document in row.documents for fact in document.facts]


def _shipped() -> History:
    history = json.loads(TRAININGS.read_text())
    exposures = json.loads((WEIGHTS / "exposures.json").read_text())
    return History(history["trainings"], history["knowledge"], Counter(exposures["facts"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="where the training wrote")
    parser.add_argument("--items", type=int, default=500, help="items of each task and language")
    parser.add_argument("--onto", action="store_true", help="the last training began with the weights that ship")
    options = parser.parse_args()
    history, late = (_shipped() if options.onto else History()), options.out / "late"
    if not options.onto:
        history.add_training(HERE / "mini.toml", options.out)
    history.add_training(HERE / "mini_late.toml", late)
    for name in PARTS:
        shutil.copyfile(late / "weights" / name, WEIGHTS / name)
    TRAININGS.write_text(json.dumps({"trainings": history.trainings, "knowledge": history.knowledge}, indent=1) + "\n")
    exposures = {"tokens": history.tokens, "facts": dict(sorted(history.facts.items()))}
    (WEIGHTS / "exposures.json").write_text(json.dumps(exposures, indent=0) + "\n")
    write_card(mini_scores.measured(options.items), options.out)


def write_card(scores: dict[str, Any], out: Path) -> None:
    (out / "scores.json").write_text(json.dumps(scores, indent=1))
    (WEIGHTS / "MODEL_CARD.md").write_text(mini_card.written(json.loads(TRAININGS.read_text()), scores), "utf-8")


if __name__ == "__main__":
    main()
