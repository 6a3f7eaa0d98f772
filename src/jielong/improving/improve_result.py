"""All that a run of `improve` knows at its end, or when it was interrupted: what the report is made of.

`result.to_json()` is the file outcome.json in the result directory; `ImproveResult.from_json` reads it back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from ..contract import Usage
from ..measuring.results import ModelResult, compare_scores, mean_score
from ..notebook_display import NotebookDisplay
from ..stats import Estimate, PairedDifference
from ..tasks.metric import Unit

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Json = dict[str, Any]
Why = Literal["worse", "dearer", "halved", "unsupported", "lost", "budget"]
Kind = Literal["improved", "nothing helped", "interrupted", "budget spent"]


@dataclass(frozen=True)
class Dropped:
    """When a candidate was eliminated and why: `round` counts from 1; 0 is before the first question.

    worse: shown to be worse than another; dearer: no better than a cheaper one; halved: not among the best of its
    round; unsupported: this model cannot do what the recipe asks; lost: too many of its items had no reply; budget: too
    dear for what was left.
    """

    round: int
    why: Why
    words: str = ""  # of the error, where it is unsupported or lost
    by: str | None = None  # the recipe that is better or cheaper


@dataclass(frozen=True)
class Candidate:
    """One recipe in the search: `model | steps`. Plain models have no steps. `scores[i]` is its score on the item
    `splits.search[i]`, None where that was lost: every candidate is asked the items in the same order, and stops where
    it was dropped."""

    recipe: str
    model: str
    steps: str
    scores: tuple[float | None, ...] = ()
    clusters: tuple[str, ...] | None = None
    usage: Usage = field(default_factory=Usage)  # of its answers in the search; a judge's calls are not among it
    seconds: tuple[float, ...] = ()
    dropped: Dropped | None = None  # None: it stayed to the end
    notes: tuple[str, ...] = ()

    @property
    def accuracy(self) -> Estimate:
        return mean_score(self.scores, self.clusters)

    def against(self, plain: Candidate) -> PairedDifference:
        """On the search items that both have scored."""
        return compare_scores(plain.scores, self.scores, self.clusters)


@dataclass(frozen=True)
class Comparison(PairedDifference):
    """A finalist against the plain model on the final split; `p_holm` is corrected for all finalists."""

    recipe: str
    p_holm: float | None  # None: too few clusters for a test


@dataclass(frozen=True)
class Verdict:
    """`recipe` is the one to use: when nothing helped, the plain model. `interval_from` says on which split
    `comparison` was made. One from the search flatters: it was chosen there."""

    kind: Kind
    recipe: str
    comparison: Comparison | None = None
    interval_from: Literal["final", "search"] | None = None


@dataclass(frozen=True)
class ImprovePlan:
    """What was announced before a token was spent."""

    candidates: int
    rounds: tuple[int, ...]  # search items that a candidate has seen at the end of each round
    keep: tuple[int, ...]  # the most candidates that go on after each round
    finalists: int  # the most, plain model not counted
    max_calls: int
    max_usd: float | None  # None: a price is unknown
    all_calls: int  # of every candidate on every item, for comparison
    detectable: float  # the smallest gain that the final split shows in 4 of 5 cases
    budget: Mapping[str, float] = field(default_factory=dict)  # usd, tokens, seconds: those that were given


@dataclass(frozen=True)
class SplitIds:
    """Ids of items; in `search` and `final` in the order in which they are asked."""

    examples: tuple[str, ...]
    search: tuple[str, ...]
    final: tuple[str, ...]


@dataclass(frozen=True)
class Question:
    """An item as people read it."""

    id: str
    text: str
    accepted: tuple[str, ...]


@dataclass(frozen=True)
class Note:
    """Something to say about the run, in the reader's language: `key` names the words, `values` what is put into them.
    few: how little the items can show; hopeless: nothing can be told from chance; final_cut: the budget allowed `asked`
    of `final` items; left_out: the budget kept `candidates` out; lost: nothing is concluded about `recipe`, as `why`;
    few_lost: `lost` of `n` items of `recipe` are not counted, as `words`; few_clusters: the final has so many clusters;
    mixing_pays, mixing_no_gain: what a route or cascade brings above mixing its models at random, on the search;
    route_few, route_one: there is no route, for want of items, or as it would send all of them to one model.
    """

    key: Literal[
        "few",
        "hopeless",
        "final_cut",
        "left_out",
        "lost",
        "few_lost",
        "few_clusters",
        "mixing_pays",
        "mixing_no_gain",
        "route_few",
        "route_one",
    ]
    values: Mapping[str, int | str]


@dataclass(frozen=True, repr=False)
class ImproveResult(NotebookDisplay):
    """`finalists[0]` is the plain model, `finalists[1]` the choice of the search, then the others in its order. Their
    answers hold texts, scores, usage, seconds and the tree of steps, whose `call` are keys of the ledger."""

    task: str
    task_source: str
    task_sha256: str
    rule: str
    why_rule: str
    models: tuple[str, ...]
    plan: ImprovePlan
    splits: SplitIds
    questions: tuple[Question, ...]  # of the final split
    candidates: tuple[Candidate, ...]  # in the order of the catalogue; the first is the plain model
    finalists: tuple[ModelResult, ...]
    comparisons: tuple[Comparison, ...]  # one for each finalist but the plain model
    verdict: Verdict
    stopped: Literal["interrupted", "budget"] | None  # what ended the run before its plan; a budget may leave a verdict
    search_usage: Usage  # everything spent in the search, judge included
    final_usage: Usage
    judging_usage: Usage  # of both: what the judge's calls took
    seed: int
    run: str | None  # the ledger's name for it
    ledger: str | None
    version: str
    unit: Unit = "share"  # how a mean score is shown
    settings: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()

    @property
    def plain(self) -> ModelResult | None:
        return self.finalists[0] if self.finalists else None

    @property
    def chosen(self) -> ModelResult | None:
        """The recipe to use as it did in the final; None where it came to no final."""
        return next((result for result in self.finalists if result.model == self.verdict.recipe), None)

    def to_json(self) -> Json:
        """All of it as plain JSON values, answers with their trees of steps included."""
        values: Json = _adapter().dump_python(self, mode="json")
        return values

    @classmethod
    def from_json(cls, values: Json) -> ImproveResult:
        return _adapter().validate_python(values)


@cache
def _adapter() -> TypeAdapter[ImproveResult]:
    """Imported late: pydantic takes a tenth of a second, and most readers of a result never need it."""
    from pydantic import TypeAdapter

    return TypeAdapter(ImproveResult)
