"""What measuring gives: one result for each item, their summary for each model, and the comparison of models.

A lost call is not a zero: an item without a reply has no score. It is counted in `lost`, means are over the scored
items, and pairs over the items that both models have scored. Above `MAX_LOST` nothing is concluded about a model: the
items that are missing may be the hard ones (docs/decisions/0010-lost-calls.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from .. import __version__
from ..contract import Step, Usage
from ..notebook_display import NotebookDisplay
from ..stats import Estimate, Interval, PairedDifference, holm, mean, paired_difference, quantile
from ..tasks.task import Task

MAX_LOST = 0.05
NOTHING_SPENT = Usage()


@dataclass(frozen=True, slots=True)
class ItemResult:
    """What one model made of one item."""

    id: str
    score: float | None  # None: lost, as no reply or no grade came
    extracted: str | None
    text: str
    error: str | None  # why there is no answer: lost (the endpoint's own words), truncated, declined
    usage: Usage
    seconds: float  # that the model took, without what its calls waited for their turn
    judging: Usage = NOTHING_SPENT  # what grading the answer took; not part of `usage`
    steps: tuple[Step, ...] = ()  # what happened beneath it
    queued: float = 0.0  # seconds for which its calls only waited: for a slot of the endpoint, or to try again
    parts: Mapping[str, float] = field(default_factory=dict)  # named scores beneath `score`


def lost_reasons(results: Sequence[ItemResult]) -> Counter[str]:
    """The words of what was lost, counted."""
    return Counter(result.error or "no reply" for result in results if result.score is None)


def too_many_lost(results: Sequence[ItemResult]) -> str | None:
    """Why nothing is concluded from these results, with the most frequent words; None where enough were scored."""
    reasons = lost_reasons(results)
    lost = reasons.total()
    if lost <= MAX_LOST * len(results):
        return None
    return f"{lost} of {len(results)} items were lost: {reasons.most_common(1)[0][0]}"


def compare_scores(
    a: Sequence[float | None], b: Sequence[float | None], clusters: Sequence[str] | None = None
) -> PairedDifference:
    """b - a on the items that both have scored."""
    # One may have been asked fewer items, where it was eliminated early.
    both = [i for i in range(min(len(a), len(b))) if a[i] is not None and b[i] is not None]
    left, right = [a[i] or 0.0 for i in both], [b[i] or 0.0 for i in both]
    return paired_difference(left, right, [clusters[i] for i in both] if clusters else None)


def mean_score(scores: Sequence[float | None], clusters: Sequence[str] | None = None) -> Estimate:
    scored = [(score, i) for i, score in enumerate(scores) if score is not None]
    return mean([score for score, _ in scored], [clusters[i] for _, i in scored] if clusters else None)


def cluster_note(accuracy: Estimate, clusters: Sequence[str] | None) -> str | None:
    """Why a mean has no interval, where its clusters are to blame."""
    if clusters is None or accuracy.ci95 is not None or accuracy.n < 2:
        return None
    return f"{len(set(clusters))} clusters are too few, or of too different sizes, for an interval or a test"


def interval_json(ci95: Interval | None) -> list[float] | None:
    return None if ci95 is None else list(ci95)


@dataclass(frozen=True)
class OtherReading:
    """The score if another extractor had read the replies, which found an answer in `read` of them (extraction.py)."""

    name: str
    read: int
    score: Estimate


@dataclass(frozen=True, repr=False)
class ModelResult(NotebookDisplay):
    model: str
    answers: tuple[ItemResult, ...]
    clusters: tuple[str, ...] | None
    usage: Usage
    notes: tuple[str, ...]
    readings: tuple[OtherReading, ...] = ()

    @property
    def scores(self) -> list[float | None]:
        return [answer.score for answer in self.answers]

    @property
    def n(self) -> int:
        """The items that were scored."""
        return len(self.answers) - self.lost

    @property
    def lost(self) -> int:
        return sum(answer.score is None for answer in self.answers)

    @property
    def inconclusive(self) -> str | None:
        """Why nothing is concluded about this model; None where enough of its items were scored."""
        return too_many_lost(self.answers)

    @property
    def accuracy(self) -> Estimate:
        return mean_score(self.scores, self.clusters)

    @property
    def failed_extraction(self) -> int:
        """Replies that hold nothing that the answer rule looks for."""
        return sum(a.score is not None and a.error is None and a.extracted is None for a in self.answers)

    @property
    def no_answer(self) -> int:
        """Replies without an answer, for whatever reason: each is scored 0."""
        return self.failed + self.failed_extraction

    @property
    def failed(self) -> int:
        """Replies that are no answer: truncated, or the model declined."""
        return sum(answer.score is not None and answer.error is not None for answer in self.answers)

    @property
    def extraction_range(self) -> Interval | None:
        """From the lowest to the highest score that any extractor gives, the rule itself included."""
        means = [self.accuracy.mean, *(reading.score.mean for reading in self.readings)]
        return (min(means), max(means)) if self.readings else None

    def parts(self) -> dict[str, Estimate]:
        """The mean of each part of the scores, over the items that have it."""
        names = dict.fromkeys(name for answer in self.answers for name in answer.parts)
        return {name: mean_score([answer.parts.get(name) for answer in self.answers], self.clusters) for name in names}

    def latency(self, q: float) -> float | None:
        seconds = [answer.seconds for answer in self.answers if answer.error is None]
        return quantile(seconds, q) if seconds else None

    def queueing(self, q: float) -> float | None:
        queued = [answer.queued for answer in self.answers if answer.error is None]
        return quantile(queued, q) if queued else None

    def against(self, plain: ModelResult) -> PairedDifference:
        """On the items that both have scored."""
        return compare_scores(plain.scores, self.scores, self.clusters)

    def to_json(self) -> dict[str, Any]:
        accuracy, usage = self.accuracy, asdict(self.usage)
        del usage["seconds"]
        if self.usage.unsettled_calls and not self.usage.input_tokens:
            usage |= {"input_tokens": None, "output_tokens": None}  # unknown, which is not 0
        return {
            "model": self.model,
            "n": self.n,
            "mean": accuracy.mean if self.n else None,
            "ci95": interval_json(accuracy.ci95),
            "lost": self.lost,
            "lost_because": dict(lost_reasons(self.answers)),
            "failed_extraction": self.failed_extraction,
            "failed": self.failed,
            "extraction": {
                "unread": self.failed_extraction / self.n if self.n else None,
                "range": interval_json(self.extraction_range),
                "by": {each.name: {"read": each.read, "mean": each.score.mean} for each in self.readings},
            },
            "usage": usage,
            "latency": {"p50": self.latency(0.5), "p95": self.latency(0.95)},
            "queued": {"p50": self.queueing(0.5), "p95": self.queueing(0.95)},
            "notes": list(self.notes),
            "parts": {
                name: {"mean": part.mean, "ci95": interval_json(part.ci95), "standard_error": part.standard_error}
                for name, part in self.parts().items()
            },
        }


@dataclass(frozen=True)
class ModelComparison:
    """`other` against the first model. `pair` is None where too much was lost to conclude anything: `why` says what."""

    other: ModelResult
    pair: PairedDifference | None
    p_holm: float | None
    why: str | None = None


@dataclass(frozen=True, repr=False)
class EvalReport(NotebookDisplay):
    task: Task
    seed: int
    run: str | None
    results: tuple[ModelResult, ...]
    settings: dict[str, Any] = field(default_factory=dict)

    def comparisons(self) -> list[ModelComparison]:
        """Every other model against the first, with Holm's correction of p."""
        if not self.results:
            return []
        first, *others = self.results
        pairs = [None if first.inconclusive or other.inconclusive else other.against(first) for other in others]
        corrected = iter(holm([pair.p for pair in pairs if pair]))
        return [
            ModelComparison(other, pair, next(corrected) if pair else None, other.inconclusive or first.inconclusive)
            for other, pair in zip(others, pairs, strict=True)
        ]

    def to_json(self) -> dict[str, Any]:
        return {
            "task": self.task.name,
            "task_sha256": self.task.sha256,
            "rule": self.task.metric.name,
            "seed": self.seed,
            "version": __version__,
            "run": self.run,
            **self.settings,
            "results": [result.to_json() for result in self.results],
            "paired": [self._paired(comparison) for comparison in self.comparisons()],
        }

    def _paired(self, compared: ModelComparison) -> dict[str, Any]:
        figures: dict[str, Any] = dict.fromkeys(("difference", "ci95", "p"))
        if pair := compared.pair:
            figures = {"difference": pair.difference, "ci95": interval_json(pair.ci95), "p": pair.p}
        models = {"a": self.results[0].model, "b": compared.other.model}
        return {**models, **figures, "p_holm": compared.p_holm, "why": compared.why}
