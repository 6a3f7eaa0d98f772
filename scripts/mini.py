"""What `make mini` does after training: count the stated facts, install the weights, measure, write the model card.

jielong train pretrain scripts/mini.toml
python scripts/mini.py build/mini

`--recipe` names the settings that the training had, where these are not `mini.toml`. Where it went on from other
weights, `exposures.json` beside them has how often each fact had been told before.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import mini_card
import mini_knowledge
import mini_probes
import mini_scores
from tokenizers import Tokenizer

from jielong.models.mini import WEIGHTS
from jielong.training.mini_documents import WORLD_STAGES, WorldSource
from jielong.training.sequence_packing import pack_batch
from jielong.training.train_config import TrainConfig, read_train_config

HERE = Path(__file__).parent
TRAINING = HERE / "mini_training.json"
PARTS = ("model.safetensors", "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json")
STEPS_AT_ONCE = 64
ITEMS = 500
Batches = tuple[Counter[str], list[bytes]]  # how often each fact is stated, and the SHA-256 of each batch


def training_record(recipe: Path, out: Path, processes: int, every: int) -> tuple[dict[str, Any], Counter[str]]:
    """How the weights in `out` were trained, what they knew of facts on the way, and how often each was stated.

    `every`: one fact in so many is asked for.
    """
    settings, data = read_train_config(recipe), hashlib.sha256()
    before = _told_before(settings.start)
    facts = Counter(before["facts"])
    loop, knowledge = settings.loop, []
    folders = {step: out / "snapshots" / str(step * loop.batch_tokens) for step in loop.snapshot_steps}
    folders[settings.steps] = out / "weights"
    parts = list(_parts(settings.steps, sorted(folders)))
    with ProcessPoolExecutor(processes) as pool:
        counted = pool.map(partial(_batches, settings, out / "weights" / "tokenizer.json"), parts)
        for part, (stated, digests) in zip(parts, counted, strict=True):
            facts.update(stated)
            for digest in digests:
                data.update(digest)
            if part.stop in folders:
                tokens = before["tokens"] + part.stop * loop.batch_tokens
                knowledge.append(mini_knowledge.row(folders[part.stop], tokens, facts, every))
    tokens = settings.steps * loop.batch_tokens
    record: dict[str, Any] = {"recipe": recipe.name, "tokens": tokens, "data_sha256": data.hexdigest()}
    record["tokens_before"] = before["tokens"]
    stages = [stage.model_dump() for stage in settings.stages]
    return record | {"stages": stages, "loop": loop.model_dump(mode="json"), "knowledge": knowledge}, facts


def _told_before(start: str | None) -> dict[str, Any]:
    """How many tokens the weights that a training went on from had read, and how often each fact was told in them."""
    return json.loads((Path(start) / "exposures.json").read_text()) if start else {"tokens": 0, "facts": {}}


def _parts(steps: int, ends: list[int]) -> Iterator[range]:
    """All steps in their order, some at once, none of the parts beyond one of `ends`."""
    start = 0
    for end in ends:
        while start < min(end, steps):
            stop = min(start + STEPS_AT_ONCE, end, steps)
            yield range(start, stop)
            start = stop


def _batches(settings: TrainConfig, tokenizer_file: Path, steps: range) -> Batches:
    """The batches of some steps, made again: each is a function of the seed and its number."""
    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    facts, digests = Counter[str](), list[bytes]()
    for step in steps:
        stage = settings.stage_at(step)
        source = WorldSource(tokenizer, WORLD_STAGES[stage.source], stage.length)
        rows = source.rows(step, settings.loop.batch_tokens // stage.length, settings.loop.seed)
        digests.append(hashlib.sha256(pack_batch(rows, 0)["input_ids"].tobytes()).digest())
        facts.update(fact for row in rows for document in row.documents for fact in document.facts)
    return facts, digests


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="where the training wrote")
    parser.add_argument("--recipe", type=Path, default=HERE / "mini.toml", help="the settings of the training")
    parser.add_argument("--items", type=int, default=ITEMS, help="items of each task and language")
    parser.add_argument("--processes", type=int, default=2, help="processes that make the batches again")
    options = parser.parse_args()
    every = max(1, ITEMS // options.items)
    training, facts = training_record(options.recipe, options.out, options.processes, every)
    for name in PARTS:
        shutil.copyfile(options.out / "weights" / name, WEIGHTS / name)
    TRAINING.write_text(json.dumps(training, indent=1) + "\n")
    exposures = {"tokens": training["tokens_before"] + training["tokens"], "facts": dict(sorted(facts.items()))}
    (WEIGHTS / "exposures.json").write_text(json.dumps(exposures, indent=0) + "\n")
    scores = mini_scores.measured(options.items) | {"probes": mini_probes.measured()}
    (options.out / "scores.json").write_text(json.dumps(scores, indent=1))
    (WEIGHTS / "MODEL_CARD.md").write_text(mini_card.written(training, scores), "utf-8")


if __name__ == "__main__":
    main()
