"""Two kinds of knowledge as a training goes on: how a sentence is made, and what is so in the world.

For each snapshot: recall of facts by how often they had been told by then, and the loss on the words of a statement and
on the value that it states.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import numpy as np
from tokenizers import Tokenizer

from jielong import load
from jielong.measuring.evaluate import measure
from jielong.measuring.experiment import Experiment
from jielong.measuring.results import ModelResult
from jielong.models.llama_engine import LlamaEngine
from jielong.models.mini.tokenizer import BEGIN, special_token
from jielong.models.token_sampling import log_softmax
from jielong.tasks.item import Item, identified
from jielong.tasks.metric import CheckMetric
from jielong.tasks.mini_tasks import states_value
from jielong.tasks.task import Task
from jielong.world import facts
from jielong.world.vocabulary import LANGUAGES, SampleRandom

BINS = ((0, 0), (1, 9), (10, 29), (30, 99), (100, 299), (300, 10**9))
STATEMENTS = 400


def row(folder: Path, tokens: int, counts: Mapping[str, int], every: int = 1) -> dict[str, Any]:
    """`counts`: how often each fact had been stated when these weights had read `tokens` tokens; of the facts, one in
    `every` is asked for."""
    words, values = _losses(folder)
    losses = {"loss_words": round(words, 3), "loss_values": round(values, 3)}
    return {"tokens": tokens} | losses | {"recall": _recall(folder, counts, every)}


def _recall(folder: Path, counts: Mapping[str, int], every: int) -> list[dict[str, Any]]:
    result, fact_ids = _answers(folder, every)
    rows = []
    for low, high in BINS:
        scores = [
            a.score for a, fact in zip(result.answers, fact_ids, strict=True) if low <= counts.get(fact, 0) <= high
        ]
        rows.append(
            {"told": [low, high], "n": len(scores), "recall": round(float(np.mean(scores)), 3) if scores else None}
        )
    return rows


def _answers(folder: Path, every: int) -> tuple[ModelResult, list[str]]:
    items, fact_ids = [], []
    for language in LANGUAGES:
        rng = SampleRandom(f"recall {language}", language, held_out=True)
        for fact in facts.knowledge_base().all_facts()[::every]:
            items.append(Item("", fact.question(rng), (fact.value.text(language),), cluster=fact.id))
            fact_ids.append(fact.id)
    task = Task("recall", identified(items), CheckMetric("states_value", states_value), "", "")

    async def run() -> ModelResult:
        return await measure(Experiment(task), load(f"local:{folder}?engine=numpy"))

    return anyio.run(run), fact_ids


def _losses(folder: Path) -> tuple[float, float]:
    """Nats a token, on statements of often told facts: the words, and the value where it is the last thing said."""
    network, tokenizer = LlamaEngine(folder), Tokenizer.from_file(str(folder / "tokenizer.json"))
    rng = SampleRandom("loss", "en", held_out=True)
    frequent = [fact for fact in facts.knowledge_base().all_facts() if fact.subject.seen and fact.subject.rank < 12]
    words, values = [], []
    for _ in range(STATEMENTS):
        fact = rng.choice(frequent)
        text, value = fact.statement(rng), fact.value.text("en")
        start = text.rfind(value)
        if start < 0 or len(text) - start - len(value) > 1:
            continue
        encoding = tokenizer.encode(text, add_special_tokens=False)
        ids = [special_token(tokenizer, BEGIN), *encoding.ids]
        losses = -log_softmax(network.logits(ids[:-1]))[np.arange(len(encoding.ids)), encoding.ids]
        for loss, (begin, end) in zip(losses, encoding.offsets, strict=True):
            if end <= start:
                words.append(loss)
            elif begin < start + len(value):
                values.append(loss)
    return float(np.mean(words)), float(np.mean(values))
