"""Which raters can be trusted, and what they together say of each pair, when some of them guess.

The model of Dawid and Skene (1979) with the answers of Hovy et al. (2013, MACE): a rater knows the answer to a pair
with a chance of their own, the reliability, and else says what they say at random in shares of their own. All of it is
found by variational Bayes, from the votes alone. It differs from the paper in that the two sides are alike beforehand
(which reply is called a says nothing), and raters of few votes guess as all guesses do.

"Both bad" is a tie here; "cannot tell" is no vote. A pair on which nobody could tell, or on which the raters balance
each other, stays a tie.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..stats import Z95, Interval, share_interval
from .comparison_graph import Floats, Integers
from .votes import Vote, rater_key

LABELS = {"model_a": 0, "model_b": 1, "tie": 2, "both_bad": 2}
MAX_STEPS, CLOSE_ENOUGH = 500, 1e-6
_KNOWS, _GUESSES = 0.5, 1.0  # the prior of a reliability: Beta
_SHARES = 0.5  # of the shares of guesses: Dirichlet, around those of all guesses
PairKey: TypeAlias = tuple[str, str, str]  # id, model_a, model_b


@dataclass(frozen=True)
class Rater:
    """`reliability`: the chance that they know the answer; the rest of their votes is guessed. None without votes that
    decide or are ties. `with_consensus`: how often their vote is what all together find most likely."""

    rater: str
    votes: int
    reliability: float | None
    ci95: Interval | None
    with_consensus: float | None


@dataclass(frozen=True)
class RatedPreference:
    """What all raters together say of a pair: the probability that model_a's reply is better, a tie counting half."""

    id: str
    model_a: str
    model_b: str
    cluster: str
    preference: float
    votes: int


@dataclass(frozen=True)
class RaterModel:
    """`shared`: how many pairs two raters or more judged; without any, nothing tells raters apart."""

    raters: tuple[Rater, ...]
    preferences: tuple[RatedPreference, ...]
    shared: int


@dataclass(frozen=True)
class _Fit:
    """`answers`: (pairs, labels), the probability of each answer; `known`, `guessed`: (raters,), expected counts."""

    answers: Floats
    known: Floats
    guessed: Floats


def model_raters(votes: Sequence[Vote]) -> RaterModel:
    """Every rater's reliability and every pair's preference. Votes without a rater's name count as one rater's each."""
    votes = [vote.sorted_models() for vote in votes]
    pairs: dict[PairKey, Vote] = {(vote.id, vote.model_a, vote.model_b): vote for vote in votes}
    names: dict[str, str] = {}
    for number, vote in enumerate(votes):
        names.setdefault(_key(vote, number), vote.rater or "")
    pair_number = {key: i for i, key in enumerate(pairs)}
    rater_number = {key: i for i, key in enumerate(names)}
    given = [(number, vote) for number, vote in enumerate(votes) if vote.winner in LABELS]
    pair = np.array([pair_number[vote.id, vote.model_a, vote.model_b] for _, vote in given], dtype=np.int64)
    rater = np.array([rater_number[_key(vote, number)] for number, vote in given], dtype=np.int64)
    label = np.array([LABELS[vote.winner] for _, vote in given], dtype=np.int64)
    fit = fit_raters(pair, rater, label, len(pairs), len(names))
    counts = np.bincount(pair, minlength=len(pairs))
    preferences = tuple(
        RatedPreference(
            *key, vote.cluster, float(fit.answers[i, 0] + fit.answers[i, 2] / 2) if counts[i] else 0.5, int(counts[i])
        )
        for i, (key, vote) in enumerate(pairs.items())
    )
    agrees = fit.answers[pair].argmax(1) == label
    raters = tuple(
        _rater(name, float(fit.known[i]), float(fit.guessed[i]), agrees[rater == i])
        for i, name in enumerate(names.values())
        if name
    )
    ordered = sorted(raters, key=lambda each: -(each.reliability if each.reliability is not None else -1.0))
    return RaterModel(tuple(ordered), preferences, int((counts > 1).sum()))


def _key(vote: Vote, number: int) -> str:
    return rater_key(vote.rater) if vote.rater else f"\0{number}"


def _rater(name: str, known: float, guessed: float, agrees: NDArray[np.bool_]) -> Rater:
    votes = len(agrees)
    if not votes:
        return Rater(name, 0, None, None, None)
    a, b = _KNOWS + known, _GUESSES + guessed
    share = a / (a + b)
    interval = share_interval(share, share * (1 - share) / (a + b + 1), Z95)
    return Rater(name, votes, share, interval, float(agrees.mean()))


def fit_raters(pair: Integers, rater: Integers, label: Integers, pairs: int, raters: int) -> _Fit:
    """Votes as numbers: who (`rater`) said what (`label`: 0 a, 1 b, 2 tie) of which pair."""
    from scipy.special import digamma

    answers = np.full((pairs, 3), 1e-3)
    np.add.at(answers, (pair, label), 1.0)
    answers /= answers.sum(1, keepdims=True)
    knows = answers[pair, label]  # of each vote, the probability that its rater knew
    for _ in range(MAX_STEPS):
        known, guessed = _counted(rater, knows, raters), _counted(rater, 1 - knows, raters)
        shares = np.zeros((raters, 3))
        np.add.at(shares, (rater, label), 1 - knows)
        shares += 3 * _SHARES * _symmetric(shares.sum(0))
        total = digamma(_KNOWS + _GUESSES + known + guessed)
        log_guess = digamma(shares) - digamma(shares.sum(1, keepdims=True))
        chance = np.exp(digamma(_KNOWS + known) - total)[rater]
        guess = np.exp((digamma(_GUESSES + guessed) - total)[rater] + log_guess[rater, label])
        odds = np.tile(np.log(_symmetric(answers.sum(0))), (pairs, 1))
        np.add.at(odds, (pair, label), np.log1p(chance / guess))  # beside a guess, which any answer allows
        new = np.exp(odds - odds.max(1, keepdims=True))
        new /= new.sum(1, keepdims=True)
        change, answers = float(np.abs(new - answers).max(initial=0)), new
        knows = answers[pair, label] * chance / (chance + guess)
        if change < CLOSE_ENOUGH:
            break
    return _Fit(answers, _counted(rater, knows, raters), _counted(rater, 1 - knows, raters))


def _counted(rater: Integers, weights: Floats, raters: int) -> Floats:
    return np.bincount(rater, weights, raters).astype(np.float64)


def _symmetric(counts: Floats) -> Floats:
    """Shares of the three answers, those of both sides alike."""
    counts = counts + 1
    counts[:2] = counts[:2].mean()
    shares: Floats = counts / counts.sum()
    return shares


def majority(votes: Sequence[Vote]) -> dict[PairKey, float]:
    """What a simple count says: 1 where more votes are for model_a, 0 where for model_b, .5 else."""
    balance: dict[PairKey, int] = {}
    for vote in map(Vote.sorted_models, votes):
        key = (vote.id, vote.model_a, vote.model_b)
        balance[key] = balance.get(key, 0) + (vote.winner == "model_a") - (vote.winner == "model_b")
    return {key: 0.5 + 0.5 * ((value > 0) - (value < 0)) for key, value in balance.items()}
