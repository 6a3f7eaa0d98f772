"""What a network in training answers: the score of a task at each evaluation, and replies that people can read.

A falling loss does not tell whether a model can do what it is trained for, nor that it has begun to repeat itself.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from ..atomic_write import write_whole
from ..bounded_json import read_json
from ..contract import Reply
from ..errors import SampleError, TooLong
from ..models.chat_template import ChatTemplate
from ..models.continuous_batching import Batcher
from ..models.decode import generate_reply
from ..models.local.transformers_engine import TorchEngine
from ..sync import run_sync
from ..tasks.item import Item
from ..tasks.load_task import load_task
from .train_config import SamplesConfig

SAMPLES = "samples.jsonl"
ITEMS_SEED = 1_000_003
Result: TypeAlias = tuple[Item, Reply | None, float | None]  # with its score; None where a call was lost


class TaskSamples:
    """Called after so many steps: the mean score over the items, by the name of the metric. `tokenizer` is a folder
    with the files of the tokenizer. The network's weights and its next training step do not notice."""

    def __init__(self, network: Any, tokenizer: Path, settings: SamplesConfig, out: Path) -> None:
        self._network, self._settings, self._file = network, settings, out / SAMPLES
        self._task = load_task(settings.task, limit=settings.items, seed=ITEMS_SEED)
        self._chat, self._batcher = ChatTemplate(tokenizer), Batcher(TorchEngine(network))
        ends = network.generation_config.eos_token_id
        self._end = frozenset(ends if isinstance(ends, list) else [] if ends is None else [ends])

    def __call__(self, steps: int) -> Mapping[str, float]:
        self._network.eval()
        try:
            results = run_sync(self._ask_all)
        finally:
            self._network.train()
        self._write(steps, results[: self._settings.shown])
        return {self._task.metric.name: sum(score or 0.0 for _, _, score in results) / len(results)}

    def _write(self, steps: int, results: Sequence[Result]) -> None:
        """After those of earlier steps; later ones are of a run that was interrupted after its last checkpoint."""
        lines = self._file.read_text("utf-8").splitlines() if self._file.exists() else []
        kept = [line for line in lines if read_json(line)["step"] < steps]
        new = [
            {"step": steps, "asked": item.request().messages[-1].text, "reply": reply and reply.text, "score": score}
            for item, reply, score in results
        ]
        kept += [json.dumps(row, ensure_ascii=False) for row in new]
        write_whole(self._file, "".join(line + "\n" for line in kept))

    async def _ask_all(self) -> list[Result]:
        return await asyncio.gather(*map(self._ask, self._task.items))

    async def _ask(self, item: Item) -> Result:
        request = item.request()
        limit = min(self._settings.max_tokens, self._task.metric.max_tokens)
        request = replace(request, sampling=replace(request.sampling, max_tokens=limit))
        try:
            reply = await generate_reply("the network", self._chat, self._batcher, request, 0.0, self._end)
            return item, reply, (await self._task.metric.score(item, reply)).value
        except (SampleError, TooLong):
            return item, None, None
