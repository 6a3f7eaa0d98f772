"""A task: items, and the metric that grades the replies to them."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..contract import Model
from ..prompts import catalogue, fill, language
from .item import Item
from .metric import LabelMetric, Metric


@dataclass(frozen=True)
class Task:
    name: str
    items: tuple[Item, ...]
    metric: Metric
    why_metric: str
    source: str
    rejected: tuple[str, ...] = ()  # "file:line: what is wrong"
    notes: tuple[
        str, ...
    ] = ()  # what a person should know of the file: an inferred encoding, columns that are not used
    documents: Path | None = None  # a folder of texts that come with the task, and in no item

    @property
    def sha256(self) -> str:
        content = [[item.content() for item in self.items], self.metric.name]
        return hashlib.sha256(json.dumps(content, ensure_ascii=False, sort_keys=True).encode()).hexdigest()

    def instructed(self, instruction: str) -> Task:
        """The same task with this instruction before each question."""
        return replace(self, items=tuple(replace(item, instruction=instruction) for item in self.items))

    def proposed_instruction(self) -> str | None:
        """What would tell a model to classify, where the answers are labels and hardly any question names them; a bare
        text does not."""
        if not isinstance(self.metric, LabelMetric) or not self.items or self.items[0].instruction:
            return None
        questions = [item.request().messages[-1].text.casefold() for item in self.items]
        names = [label.casefold() for label in self.metric.labels]
        if sum(all(name in question for name in names) for question in questions) > len(questions) / 2:
            return None
        written_in = language(questions[0])
        labels = (", " if written_in == "en" else "、").join(self.metric.labels)
        return fill(catalogue(written_in)["task"]["classify"], {"labels": labels})

    def fitted(self, models: Sequence[Model]) -> Task:
        """The task for these models, where its items depend on them, as on their tokenizers."""
        return self

    def first(self, limit: int | None) -> Task:
        """The first `limit` items; all of them without one."""
        return replace(self, items=self.items[:limit])

    def sample(self, limit: int | None, seed: int) -> Task:
        """`limit` items drawn by `seed`, in the order of the file; all of them when there are no more."""
        if limit is None or limit >= len(self.items):
            return self
        chosen = sorted(random.Random(seed).sample(range(len(self.items)), limit))
        return replace(self, items=tuple(self.items[i] for i in chosen))
