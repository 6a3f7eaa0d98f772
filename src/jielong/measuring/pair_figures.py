"""What verdicts on pairs amount to: the win rate with its interval and at equal length, how far the order of the
replies decided, how far repeats differ, and how far the judge agrees with people, with labels or with a rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..stats import Estimate, mean, paired_difference
from .agreement import Agreement, cohen_kappa, krippendorff_alpha
from .length_control import LengthControl, length_controlled
from .pair_judge import JudgedPairs, PairVerdict
from .prediction_powered import CorrectedMean, corrected_mean
from .vote_pairs import Pair
from .votes import Vote, Winner

SCORES: Mapping[Winner, float] = {"model_a": 1.0, "tie": 0.5, "model_b": 0.0}  # others say nothing of who is better
LONGER = "the longer reply"  # a judge that looks at nothing else


@dataclass(frozen=True)
class Tendency:
    """How often one side won where neither should: `share` of what was decided, with the exact p of one half."""

    share: Estimate
    p: float | None


@dataclass(frozen=True)
class Reference:
    """What somebody else says of the same pairs, model_a's score by the id of the pair."""

    name: str
    scores: Mapping[str, float]


@dataclass(frozen=True)
class AgreementWith:
    """`accuracy`: how often a verdict, of either order, is the reference's. `both`: how often those of both orders are.
    `of_all` is `accuracy` where what is lost counts as wrong, as LLMBar publishes it. `kappa` is of the verdicts of
    both orders. `length`: by how much more the judge takes the longer reply than the reference does, and the p of 0."""

    reference: str
    accuracy: Estimate
    both: Estimate
    of_all: float
    kappa: Agreement
    length: Tendency


@dataclass(frozen=True)
class PairFigures:
    """Of one judge on the pairs of two models; shares are model_a's. `pairs` are those asked, win_rate.n those with a
    verdict in both orders. `unstable`: the share of pairs whose repeats differ."""

    judge: str
    model_a: str
    model_b: str
    pairs: int
    win_rate: Estimate
    swap: Estimate
    first: Tendency
    unstable: Estimate | None
    length: LengthControl | None
    agreements: tuple[AgreementWith, ...] = ()
    corrected: CorrectedMean | None = None
    corrected_by: str | None = None
    common: Estimate | None = None  # on the pairs on which everybody in the table has a say
    scores: Mapping[str, float] = field(default_factory=dict, repr=False)


def figures(judged: JudgedPairs, references: Sequence[Reference] = ()) -> list[PairFigures]:
    """For each two models that were compared. The verdicts are corrected by the first reference."""
    groups: dict[frozenset[str], list[PairVerdict]] = {}
    for verdict in judged.verdicts:
        groups.setdefault(frozenset((verdict.pair.model_a, verdict.pair.model_b)), []).append(verdict)
    return [_figures(judged.judge, group, references) for group in groups.values()]


def _figures(judge: str, verdicts: Sequence[PairVerdict], references: Sequence[Reference]) -> PairFigures:
    a, b = verdicts[0].pair.model_a, verdicts[0].pair.model_b
    verdicts = [each if each.pair.model_a == a else _turned(each) for each in verdicts]
    complete = [each for each in verdicts if each.complete]
    scores, clusters = [each.score or 0.0 for each in complete], _clusters(complete)
    repeated = [each for each in complete if len(each.complete) > 1]
    unstable = [float(len(set(each.complete)) > 1) for each in repeated]
    known = {each.pair.id: score for each, score in zip(complete, scores, strict=True)}
    own = [reference for reference in references if any(each.pair.id in reference.scores for each in complete)]
    return PairFigures(
        judge, a, b, len(verdicts), mean(scores, clusters),
        mean([float(ab == 1 - ba) for each in complete for ab, ba in each.complete[:1]], clusters),
        _tendency([(ab + ba) / 2 for each in complete for ab, ba in each.complete[:1]], clusters),
        mean(unstable, _clusters(repeated)) if repeated else None,
        length_controlled(
            scores, [len(each.pair.response_a) for each in complete], [len(each.pair.response_b) for each in complete],
            clusters=clusters,
        ) if complete else None,
        tuple(_agreement(verdicts, reference) for reference in own),
        _corrected(complete, own[0], clusters) if own else None, own[0].name if own else None, scores=known,
    )  # fmt: skip


def _turned(verdict: PairVerdict) -> PairVerdict:
    """The same with the two models the other way round."""
    pair = verdict.pair
    swapped = replace(
        pair, model_a=pair.model_b, model_b=pair.model_a, response_a=pair.response_b, response_b=pair.response_a
    )
    return PairVerdict(swapped, tuple((ba, ab) for ab, ba in verdict.orders))


def _clusters(verdicts: Sequence[PairVerdict]) -> list[str] | None:
    names = [each.pair.cluster for each in verdicts]
    return names if len(set(names)) < len(names) else None


def _tendency(shares: Sequence[float], clusters: Sequence[str] | None) -> Tendency:
    """`shares`: what one side scored in each pair; those of one half decide nothing."""
    decided = [i for i, share in enumerate(shares) if share != 0.5]
    sides = [float(shares[i] > 0.5) for i in decided]
    names = [clusters[i] for i in decided] if clusters else None
    return Tendency(mean(sides, names), paired_difference([1 - side for side in sides], sides, names).p)


def tendency(scores: Sequence[float]) -> Tendency:
    """Of what one side scored in independent pairs."""
    return _tendency(scores, None)


def _agreement(verdicts: Sequence[PairVerdict], reference: Reference) -> AgreementWith:
    asked = [each for each in verdicts if each.pair.id in reference.scores]
    complete = [each for each in asked if each.complete]
    clusters = _clusters(complete)
    truth = [reference.scores[each.pair.id] for each in complete]
    orders = [each.complete[0] for each in complete]
    right = [((ab == t) + (1 - ba == t)) / 2 for (ab, ba), t in zip(orders, truth, strict=True)]
    both = [float(ab == t == 1 - ba) for (ab, ba), t in zip(orders, truth, strict=True)]
    single = [(verdict.orders[0], reference.scores[verdict.pair.id]) for verdict in asked]
    hits = sum((ab == t) + (ba is not None and 1 - ba == t) for (ab, ba), t in single)
    said = [each.score or 0.0 for each in complete]
    given = [_side(score) for ab, ba in orders for score in (ab, 1 - ba)]
    groups = [each.pair.cluster if clusters else each.pair.id for each in complete for _ in range(2)]
    kappa = cohen_kappa(given, [_side(score) for score in truth for _ in range(2)], groups)
    longer = [_sign(len(each.pair.response_a) - len(each.pair.response_b)) for each in complete]
    excess = [sign * (score - t) for sign, score, t in zip(longer, said, truth, strict=True)]
    length = paired_difference([0.0] * len(excess), excess, clusters)
    tendency = Tendency(Estimate(length.difference, length.ci95, None, length.n), length.p)
    return AgreementWith(
        reference.name, mean(right, clusters), mean(both, clusters), hits / (2 * len(single)), kappa, tendency
    )


def _corrected(verdicts: Sequence[PairVerdict], reference: Reference, clusters: Sequence[str] | None) -> CorrectedMean:
    labels = [reference.scores.get(each.pair.id) for each in verdicts]
    return corrected_mean(labels, [each.score or 0.0 for each in verdicts], clusters)


def _side(score: float) -> str:
    return "a" if score > 0.5 else "b" if score < 0.5 else "tie"


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


def with_common(rows: Sequence[PairFigures]) -> list[PairFigures]:
    """The figures with each one's win rate on the pairs on which all of them have a say."""
    known = [set(row.scores) for row in rows if row.scores]
    shared = set.intersection(*known) if known else set[str]()
    return [replace(row, common=mean([row.scores[name] for name in sorted(shared & set(row.scores))])) for row in rows]


def panel(judges: Sequence[JudgedPairs]) -> JudgedPairs:
    """All judges as one: each order's mean verdict, where every judge gave one."""
    verdicts = []
    for together in zip(*(each.verdicts for each in judges), strict=True):
        firsts = [verdict.complete[0] if verdict.complete else None for verdict in together]
        given = [first for first in firsts if first is not None]
        means = tuple(sum(order) / len(given) for order in zip(*given, strict=True)) if given else (None, None)
        orders = ((means[0], means[1]),) if len(given) == len(judges) else ((None, None),)
        verdicts.append(PairVerdict(together[0].pair, orders))
    return JudgedPairs("panel", tuple(verdicts))


def panel_agreement(judges: Sequence[JudgedPairs]) -> Agreement:
    """How far the judges agree with each other on which reply is better."""
    together = list(zip(*(each.verdicts for each in judges), strict=True))
    labels = [[None if v.score is None else _side(v.score) for v in verdicts] for verdicts in together]
    clusters = [verdicts[0].pair.cluster for verdicts in together]
    return krippendorff_alpha(labels, clusters)


def longer_reply(pairs: Sequence[Pair]) -> JudgedPairs:
    """The verdicts of a judge that takes the longer reply."""
    verdicts = []
    for pair in pairs:
        share = 0.5 + 0.5 * _sign(len(pair.response_a) - len(pair.response_b))
        verdicts.append(PairVerdict(pair, ((share, 1 - share),)))
    return JudgedPairs(LONGER, tuple(verdicts))


def labels_of(pairs: Sequence[Pair]) -> Reference | None:
    """The labels in the file of pairs."""
    scores = {pair.id: SCORES[pair.label] for pair in pairs if pair.label and pair.label in SCORES}
    return Reference("label", scores) if scores else None


def people(votes: Sequence[Vote], pairs: Sequence[Pair]) -> Reference | None:
    """What people said of each pair: the mean of their votes; "both bad" and "cannot tell" do not count."""
    turned = {pair.id: pair.model_a > pair.model_b for pair in pairs}  # votes have their models in alphabetical order
    given: dict[str, list[float]] = {}
    for vote in votes:
        if vote.id in turned and vote.winner in SCORES:
            score = SCORES[vote.winner]
            given.setdefault(vote.id, []).append(1 - score if turned[vote.id] else score)
    scores = {name: sum(values) / len(values) for name, values in given.items()}
    return Reference("people", scores) if scores else None
