"""A task: items, and the metric that grades the replies to them."""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import dataclass, replace

from .item import Item
from .metric import Metric


@dataclass(frozen=True)
class Task:
    name: str
    items: tuple[Item, ...]
    metric: Metric
    why_metric: str
    source: str
    rejected: tuple[str, ...] = ()  # "file:line: what is wrong"

    @property
    def sha256(self) -> str:
        content = [[item.content() for item in self.items], self.metric.name]
        return hashlib.sha256(json.dumps(content, ensure_ascii=False, sort_keys=True).encode()).hexdigest()

    def sample(self, limit: int | None, seed: int) -> Task:
        """`limit` items drawn by `seed`, in the order of the file; all of them when there are no more."""
        if limit is None or limit >= len(self.items):
            return self
        chosen = sorted(random.Random(seed).sample(range(len(self.items)), limit))
        return replace(self, items=tuple(self.items[i] for i in chosen))
