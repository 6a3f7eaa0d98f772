"""A metric as the answer rule of a vote: `self_consistency(answer=NAME)` with a metric of one's own."""

from dataclasses import dataclass
from typing import Protocol

from ..contract import Message, Reply


class Extracts(Protocol):
    """The part of a Metric (tasks/metric.py) that a vote needs."""

    @property
    def name(self) -> str: ...

    def extract(self, reply: Reply) -> str | None: ...

    def same(self, a: str, b: str) -> bool: ...


@dataclass(frozen=True)
class MetricRule:
    """Finds what the metric extracts; `same` says which answers are one in the vote."""

    metric: Extracts

    @property
    def __name__(self) -> str:
        return self.metric.name

    def __call__(self, reply_text: str, /) -> str | None:
        return self.metric.extract(Reply(Message("assistant", reply_text)))

    def same(self, a: str, b: str) -> bool:
        return self.metric.same(a, b)
