"""A ranking from votes: each model's rating with its interval, every pair's difference, style terms, raters' agreement.

Ratings are relative to the mean of the models that can be compared, so that a new model moves everybody; only
differences say something. "Both bad" and "cannot tell" are no draws: they are counted, and no rating rests on them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from ..errors import BadInput
from ..stats import MIN_CLUSTERS, Estimate, Interval, holm, mean, t_quantile, t_test
from .agreement import Agreement, cohen_kappa, fleiss_kappa, krippendorff_alpha
from .comparison_graph import Floats, Integers, Place, groups_that_met, places
from .ranking import Ratings, bradley_terry, pair_counts
from .reply_style import STYLE_TERMS, style_difference
from .unbounded_rating import rating_bound, ties_only_half_width
from .votes import Vote, VoteFile, rater_key

ELO_POINT = 400 / math.log(10)  # Elo points of one unit of log-odds
ELO_MEAN = 1000.0
FEW_CLUSTERS = 30


@dataclass(frozen=True)
class RankedModel:
    """`rating` in log-odds, 0 for the mean of its group; None where it has no finite value, and `bound` is then the
    least (above) or most (below) that it can be with 97.5 %. `rank`: the best and worst place that the paired tests
    leave open."""

    model: str
    place: Place
    rating: float | None
    ci95: Interval | None
    bound: float | None
    rank: tuple[int, int] | None
    wins: int
    ties: int
    losses: int


@dataclass(frozen=True)
class RatedPair:
    """b - a in log-odds."""

    a: str
    b: str
    difference: float
    ci95: Interval | None
    p: float | None
    p_holm: float | None


@dataclass(frozen=True)
class StyleEffect:
    """Log-odds of winning for a reply that alone has what the term counts, against one that has nothing of it."""

    term: str
    coefficient: float
    ci95: Interval | None
    p: float | None


@dataclass(frozen=True)
class RankedGroup:
    """Models that met, directly or through others; best first."""

    models: tuple[RankedModel, ...]
    pairs: tuple[RatedPair, ...]
    style: tuple[StyleEffect, ...]


@dataclass(frozen=True)
class VoteRanking:
    """`shown_first`: the share of decided votes that chose the reply shown first; away from .5, position counted."""

    groups: tuple[RankedGroup, ...]
    outcomes: dict[str, int]
    replaced: int
    unread: tuple[str, ...]
    clusters: int
    raters: int
    shown_first: Estimate | None
    agreement: tuple[Agreement, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The fields as they are, and each rating and interval in Elo points, too."""
        document = asdict(self)
        for group in document["groups"]:
            for model in group["models"]:
                model["elo"] = elo(model["rating"])
                model["elo_ci95"] = model["ci95"] and [elo(end) for end in model["ci95"]]
                model["elo_bound"] = elo(model["bound"])
        return document


def elo(rating: float | None) -> float | None:
    """The same rating on Elo's scale, with 1000 for the mean: a view, not another method."""
    return None if rating is None else ELO_MEAN + ELO_POINT * rating


def rank_votes(file: VoteFile, style: Sequence[str] = ()) -> VoteRanking:
    """The ranking. `style`: terms of STYLE_TERMS that are held equal. Raises BadInput where no vote compares anything,
    where a vote has no style counts, and where style cannot be told apart from the models."""
    rated = [vote for vote in file.votes if vote.winner in ("model_a", "model_b", "tie")]
    if not rated:
        raise BadInput("no vote prefers a reply or calls a tie, so there is nothing to rank")
    names = sorted({model for vote in rated for model in (vote.model_a, vote.model_b)})
    data = _arrays(rated, names, style)
    notes = _notes(data, names, style)
    unrated = {model for vote in file.votes for model in (vote.model_a, vote.model_b)} - set(names)
    notes += [
        f"{model} is not in the table: no vote prefers one of its replies or another's, or calls a tie"
        for model in sorted(unrated)
    ]
    groups = []
    for members in groups_that_met(pair_counts(data.first, data.second, data.outcome, len(names))):
        groups.append(_rank_group(data.of(members), [names[i] for i in members], style, notes))
    raters = {rater_key(vote.rater) for vote in file.votes if vote.rater}
    return VoteRanking(
        tuple(groups), dict(Counter(vote.winner for vote in file.votes)), file.replaced, file.unread,
        int(data.cluster.max()) + 1, len(raters), _shown_first(rated), agreement_of(file.votes), tuple(notes),
    )  # fmt: skip


@dataclass(frozen=True)
class _Battles:
    first: Integers
    second: Integers
    outcome: Floats
    cluster: Integers
    style: Floats

    def of(self, members: Integers) -> _Battles:
        """Those between members, who are numbered anew in their order."""
        number = np.full(int(max(self.first.max(), self.second.max(), members.max())) + 1, -1)
        number[members] = np.arange(len(members))
        kept = (number[self.first] >= 0) & (number[self.second] >= 0)
        _, cluster = np.unique(self.cluster[kept], return_inverse=True)
        return _Battles(
            number[self.first[kept]], number[self.second[kept]], self.outcome[kept], cluster, self.style[kept]
        )


def _arrays(votes: Sequence[Vote], names: Sequence[str], style: Sequence[str]) -> _Battles:
    number = {name: i for i, name in enumerate(names)}
    score = {"model_a": 1.0, "model_b": 0.0, "tie": 0.5}
    terms = [STYLE_TERMS.index(term) for term in style]
    rows = np.zeros((len(votes), len(terms)))
    for i, vote in enumerate(votes) if terms else ():
        if vote.style_a is None or vote.style_b is None:
            raise BadInput(f"the vote {vote.id} has neither style_a and style_b nor response_a and response_b")
        difference = style_difference(vote.style_a, vote.style_b)
        rows[i] = [difference[term] for term in terms]
    _, cluster = np.unique([vote.cluster for vote in votes], return_inverse=True)
    return _Battles(
        np.array([number[vote.model_a] for vote in votes]), np.array([number[vote.model_b] for vote in votes]),
        np.array([score[vote.winner] for vote in votes]), cluster, rows,
    )  # fmt: skip


def _notes(data: _Battles, names: Sequence[str], style: Sequence[str]) -> list[str]:
    notes = []
    clusters = int(data.cluster.max()) + 1
    if clusters < FEW_CLUSTERS:
        notes.append(f"only {clusters} prompts; intervals need {FEW_CLUSTERS} to be trusted")
    if (data.outcome == 0.5).all():
        notes.append("all votes are ties: nothing tells these models apart")
    if len(names) > 2:
        notes.append("ratings are relative to the mean of these models; another model in the table moves all of them")
    if style:
        notes.append(
            "style weights are estimated from all votes; another model changes them, and with them every rating"
        )
    return notes


def _rank_group(data: _Battles, names: Sequence[str], style: Sequence[str], notes: list[str]) -> RankedGroup:
    scored = pair_counts(data.first, data.second, data.outcome, len(names))
    where = places(scored)
    core = np.array([i for i, place in enumerate(where) if place == "finite"])
    ratings = np.full(len(names), np.nan)
    intervals: dict[int, Interval | None] = {}
    pairs: list[RatedPair] = []
    effects: list[StyleEffect] = []
    inner = data.of(core)
    if len(core) > 1:
        used, columns = _varying(style, inner.style, notes)
        fit = bradley_terry(inner.first, inner.second, inner.outcome, len(core), inner.cluster, inner.style[:, columns])
        ratings[core] = fit.values
        pairs = _pairs(fit, [names[i] for i in core])
        intervals = {int(i): _interval_of(fit, _contrast(fit, {place: 1.0}))[0] for place, i in enumerate(core)}
        effects = _effects(fit, used)
    else:
        ratings[core] = 0.0
    models = [
        RankedModel(
            name, where[i], float(ratings[i]) if where[i] == "finite" else None, intervals.get(i),
            _bound(i, where[i], ratings, data), _open_ranks(name, where[i], where, pairs), *_record(i, data),
        )
        for i, name in enumerate(names)
    ]  # fmt: skip
    notes += [_unbounded_note(model) for model in models if model.place != "finite"]
    order = {"above": 0, "finite": 1, "undetermined": 2, "below": 3}
    models.sort(key=lambda model: (order[model.place], -(model.rating or 0.0), model.model))
    return RankedGroup(tuple(models), tuple(pairs), tuple(effects))


def _varying(style: Sequence[str], rows: Floats, notes: list[str]) -> tuple[list[str], list[int]]:
    """The terms in which any two replies differ."""
    columns = [i for i in range(len(style)) if np.ptp(rows[:, i]) > 0]
    notes += [f"no two replies differ in {term}" for i, term in enumerate(style) if i not in columns]
    return [style[i] for i in columns], columns


def _unbounded_note(model: RankedModel) -> str:
    if model.place == "undetermined":
        return f"{model.model} cannot be placed: it met the others only through models above or below all"
    happened = "lost no" if model.place == "above" else "won no"
    return f"{model.model} {happened} comparison that ties it to the others, so its rating has no finite value"


def _contrast(fit: Ratings, weights: dict[int, float]) -> Floats:
    contrast = np.zeros(len(fit.covariance))
    for i, weight in weights.items():
        contrast[i] = weight
    return contrast


def _interval_of(fit: Ratings, contrast: Floats) -> tuple[Interval | None, float | None]:
    """The 95 % interval and p of a contrast of ratings and coefficients.

    A rating is known no better than by the clusters in which its model was compared: they give the degrees of freedom
    and correct for the residuals that its own rating took away.
    """
    involved = [i for i in np.flatnonzero(contrast) if i < len(fit.values)]
    clusters = min([int(fit.appearances[i]) for i in involved], default=fit.clusters)
    if clusters < MIN_CLUSTERS:
        return None, None
    value = float(np.concatenate([fit.values, fit.coefficients]) @ contrast)
    variance = float(contrast @ fit.covariance @ contrast) * clusters / (clusters - 1)
    if variance <= 1e-9 * float(contrast @ fit.model_based @ contrast):  # every outcome is what the ratings say: ties
        half = ties_only_half_width(clusters)
        return (value - half, value + half), 1.0
    error = math.sqrt(variance)
    half = t_quantile(clusters - 1.0) * error
    return (value - half, value + half), t_test(value / error, clusters - 1.0)


def _pairs(fit: Ratings, names: Sequence[str]) -> list[RatedPair]:
    rows = []
    for a, b in combinations(range(len(names)), 2):
        ci95, p = _interval_of(fit, _contrast(fit, {a: -1.0, b: 1.0}))
        rows.append((names[a], names[b], float(fit.values[b] - fit.values[a]), ci95, p))
    corrected = holm([row[4] for row in rows])
    return [RatedPair(*row, p_holm) for row, p_holm in zip(rows, corrected, strict=True)]


def _effects(fit: Ratings, terms: Sequence[str]) -> list[StyleEffect]:
    effects = []
    for i, term in enumerate(terms):
        place = len(fit.values) + i
        ci95, p = _interval_of(fit, _contrast(fit, {place: 1.0}))
        effects.append(StyleEffect(term, float(fit.coefficients[i]), ci95, p))
    return effects


def _bound(model: int, place: Place, ratings: Floats, data: _Battles) -> float | None:
    """From the comparisons with the models of the core."""
    if place not in ("above", "below"):
        return None
    other = np.where(data.first == model, data.second, data.first)
    met = ((data.first == model) | (data.second == model)) & ~np.isnan(ratings[other])
    _, clusters = np.unique(data.cluster[met], return_inverse=True)
    return rating_bound(ratings[other[met]], clusters, place == "above")


def _open_ranks(model: str, place: Place, where: Sequence[Place], pairs: Sequence[RatedPair]) -> tuple[int, int] | None:
    total, above, below = len(where), where.count("above"), where.count("below")
    if place == "undetermined":
        return None
    if place != "finite":
        open_places = where.count("undetermined")
        return (1, above + open_places) if place == "above" else (total - below - open_places + 1, total)
    better = worse = 0
    for pair in pairs:
        if pair.p_holm is not None and pair.p_holm < 0.05 and model in (pair.a, pair.b):
            ahead = (pair.difference > 0) == (model == pair.b)
            worse, better = worse + ahead, better + (not ahead)
    return 1 + above + better, total - below - worse


def _record(model: int, data: _Battles) -> tuple[int, int, int]:
    """Wins, ties and losses."""
    scores = np.concatenate([data.outcome[data.first == model], 1 - data.outcome[data.second == model]])
    return int((scores == 1).sum()), int((scores == 0.5).sum()), int((scores == 0).sum())


def _shown_first(votes: Sequence[Vote]) -> Estimate | None:
    decided = [vote for vote in votes if vote.shown_first and vote.winner != "tie"]
    if not decided:
        return None
    return mean([float(vote.winner == vote.shown_first) for vote in decided], [vote.cluster for vote in decided])


def agreement_of(votes: Sequence[Vote]) -> tuple[Agreement, ...]:
    """Of raters who judged the same pairs: Cohen's kappa for two of them, Fleiss' for more, and Krippendorff's alpha.
    "Both bad" is a category of its own; "cannot tell" is no label."""
    raters: dict[str, int] = {}
    pairs: dict[tuple[str, str, str], dict[int, str]] = {}
    cluster_of: dict[tuple[str, str, str], str] = {}
    for vote in votes:
        if vote.rater and vote.winner != "cannot_tell":
            place, pair = raters.setdefault(rater_key(vote.rater), len(raters)), (vote.id, vote.model_a, vote.model_b)
            pairs.setdefault(pair, {})[place] = vote.winner
            cluster_of[pair] = vote.cluster
    shared = {pair: labels for pair, labels in pairs.items() if len(labels) > 1}
    if not shared:
        return ()
    places_used = sorted({place for labels in shared.values() for place in labels})
    clusters, items = [cluster_of[pair] for pair in shared], [list(labels.values()) for labels in shared.values()]
    if len(places_used) == 2:
        one, other = ([labels[place] for labels in shared.values()] for place in places_used)
        kappa = cohen_kappa(one, other, clusters)
    else:
        kappa = fleiss_kappa(items, clusters)
    both = kappa, krippendorff_alpha(items, clusters)
    return tuple(replace(statistic, raters=len(places_used)) for statistic in both)
