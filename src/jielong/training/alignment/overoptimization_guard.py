"""The guard against over-optimisation: votes tell when a policy has begun to get worse, and where it was best.

What is rewarded is a proxy of what is wanted; pushed far enough, the proxy goes on rising while what is wanted falls
(Gao, Schulman and Hilton 2022). At each *look* replies of the policy as it is are compared, by somebody who is not the
proxy, with those of the look that seemed best so far. Two questions are answered apart:

*Has it fallen?* Bets against "the latest look is at least as good as the one it is compared with": the wealth is a
martingale while that holds, so it ever reaches 1 / `false_stops` with at most that probability, however often it is
looked at and whoever chose the opponent (Ville 1939; Waudby-Smith and Ramdas 2024). One bettor begins at each look, as
nobody knows when the fall begins, and they share the capital.

*Where was the peak?* A Bradley-Terry model of all votes whose scores are a smooth curve over sqrt(KL) (a Gaussian
process). The look of the least expected regret is the one to restore; the votes that are left are spent on that choice.
Votes of a scorer and of people serve alike. Wrong votes flatten the curve and leave its peak where it is.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from ...atomic_write import write_whole
from ...regular_files import read_regular_file

GUARD = "guard.json"
Floats = NDArray[np.float64]
STAKES = (0.2, 0.5, 1.0)  # of the wealth, on each vote
RESERVE = 0.3  # of all votes, for the choice of the look to restore
SETTLED = 0.005  # expected regret below which no more votes are spent
DRAWS = 500
_HEIGHTS, _LENGTHS, _NUGGET = (0.4, 1.0, 2.5), (0.15, 0.35, 0.8), 0.1
_KERNELS = tuple((height, length) for height in _HEIGHTS for length in _LENGTHS)


@dataclass(frozen=True, slots=True)
class Duel:
    """Votes between two looks, by their numbers: how many `later` won, `earlier` won, and how many were ties."""

    later: int
    earlier: int
    won: int
    lost: int
    tied: int = 0

    @property
    def votes(self) -> int:
        return self.won + self.lost + self.tied


@dataclass(frozen=True)
class PeakEstimate:
    """`best` is the look to restore. `scores` (looks,) and `deviations` are log-odds of winning against the first look.
    Regrets are shares of the rise, (peak − score) / (peak − start): of `best`, with the end of its 95 % interval, and
    of the latest look."""

    best: int
    regret: float
    regret_at_most: float
    latest_regret: float
    scores: tuple[float, ...]
    deviations: tuple[float, ...]


@dataclass(frozen=True)
class Look:
    """`kl` in nats a reply to the policy before training, `proxy` the mean reward of the replies, None without any."""

    steps: int
    kl: float
    proxy: float | None


@dataclass(frozen=True)
class GuardRecord:
    """What OUT/guard.json holds. `stopped`: whether a fall was found; `estimate`: once the training has ended."""

    looks: tuple[Look, ...] = ()
    duels: tuple[Duel, ...] = ()
    choices: tuple[Duel, ...] = ()
    stopped: bool = False
    estimate: PeakEstimate | None = None

    @classmethod
    def read(cls, out: Path) -> GuardRecord:
        file = out / GUARD
        return TypeAdapter(cls).validate_json(read_regular_file(file)) if file.exists() else cls()

    def write(self, out: Path) -> None:
        write_whole(out / GUARD, json.dumps(asdict(self)) + "\n")


@dataclass
class Guard:
    """Plans for `looks` looks and at most `votes` votes; the first look is the policy before training."""

    looks: int
    votes: int
    false_stops: float = 0.05
    distances: list[float] = field(default_factory=list)  # sqrt(KL) of each look
    duels: list[Duel] = field(default_factory=list)
    choices: list[Duel] = field(default_factory=list)

    @property
    def votes_of_look(self) -> int:
        return max(1, int(self.votes * (1 - RESERVE)) // max(1, self.looks - 1))

    @property
    def votes_left(self) -> int:
        return self.votes - sum(duel.votes for duel in (*self.duels, *self.choices))

    def add_look(self, kl: float) -> int | None:
        """A new look at this KL (nats a reply); the earlier look to compare it with, None for the first."""
        self.distances.append(max(kl, 0.0) ** 0.5)
        if len(self.distances) == 1:
            return None
        return 0 if len(self.distances) == 2 else self._best(len(self.distances) - 1)

    def add(self, duel: Duel) -> None:
        """The votes on the latest look."""
        self.duels.append(duel)

    def add_choice(self, duel: Duel) -> None:
        """Votes on what `next_duel` asked; no evidence of a fall, as what is asked depends on what was seen."""
        self.choices.append(duel)

    def evidence(self) -> float:
        """The wealth of those who bet that the latest look is worse; at 1 / `false_stops` the guard stops."""
        if not self.duels:
            return 1.0
        stakes = np.array(STAKES)
        gains = np.array([d.lost * np.log1p(stakes / 2) + d.won * np.log1p(-stakes / 2) for d in self.duels])
        since = gains[::-1].cumsum(0)[::-1]  # of who began at each look
        waiting = max(self.looks - 1 - len(gains), 0)  # those who have not begun hold their share
        return float((np.exp(np.minimum(since, 50)).mean(-1).sum() + waiting) / (len(gains) + waiting))

    def has_fallen(self) -> bool:
        return self.evidence() >= 1 / self.false_stops

    def estimate(self) -> PeakEstimate:
        draws, mean = self._posterior()
        peak = draws.max(1)
        rise = max(float((peak - draws[:, 0]).mean()), 1e-9)
        regrets = (peak[:, None] - draws).mean(0) / rise
        best = _least(regrets)
        shares = (peak - draws[:, best]) / np.maximum(peak - draws[:, 0], 1e-9)
        relative = draws - draws[:, :1]
        return PeakEstimate(
            best, float(regrets[best]), float(np.quantile(np.minimum(shares, 1), 0.95)), float(regrets[-1]),
            tuple((mean - mean[0]).tolist()), tuple(relative.std(0).tolist()),
        )  # fmt: skip

    def next_duel(self, at_most: int = 50) -> tuple[int, int, int] | None:
        """The two looks (later, earlier) whose comparison tells most about the peak, and how many votes; None when no
        votes are left or the choice is settled. Top-two Thompson sampling (Russo 2016)."""
        votes = min(at_most, self.votes_left)
        if votes < 1 or len(self.distances) < 2:
            return None
        draws, _ = self._posterior()
        peak = draws.max(1)
        regrets = (peak[:, None] - draws).mean(0) / max(float((peak - draws[:, 0]).mean()), 1e-9)
        best = _least(regrets)
        if regrets[best] < SETTLED:
            return None
        rivals = np.bincount(draws.argmax(1), minlength=len(self.distances))
        gains = np.array([np.maximum(draws[:, i] - draws[:, best], 0).mean() for i in range(len(rivals))])
        rival = int(np.argmax(gains))
        return (max(best, rival), min(best, rival), votes) if gains[rival] > 0 else None

    def _best(self, among: int) -> int:
        """Of the first looks the best so far, by one kernel: a rival need only be good."""
        draws, _ = self._posterior(among, ((_HEIGHTS[1], _LENGTHS[1]),))
        return _least((draws.max(1)[:, None] - draws).mean(0))

    def _posterior(
        self, among: int | None = None, kernels: Sequence[tuple[float, float]] = _KERNELS
    ) -> tuple[Floats, Floats]:
        """(DRAWS, looks) of the curve, and its mean, from the first `among` looks, by the kernel of most evidence."""
        n = len(self.distances) if among is None else among
        duels = [duel for duel in (*self.duels, *self.choices) if duel.later < n]
        x = np.array(self.distances[:n])
        x = x / max(float(x.max()), 1e-9)
        fits = [_laplace(_kernel(x, *kernel), duels) for kernel in kernels]
        _, mean, covariance = max(fits, key=lambda fit: fit[0])
        roots = np.linalg.cholesky(covariance + 1e-9 * np.eye(n))
        return mean + np.random.default_rng(0).standard_normal((DRAWS, n)) @ roots.T, mean


def _least(regrets: Floats) -> int:
    """The look of least regret; of nearly equal ones the latest, to which most of the training went."""
    return int(np.flatnonzero(regrets <= regrets.min() + 1e-6)[-1])


def _kernel(x: Floats, height: float, length: float) -> Floats:
    """Matérn 3/2, which allows bends, and a little roughness of its own for each look."""
    distance = np.sqrt(3) * np.abs(x[:, None] - x) / length
    smooth: Floats = height**2 * (1 + distance) * np.exp(-distance)
    return smooth + (_NUGGET * height) ** 2 * np.eye(len(x))


def _laplace(kernel: Floats, duels: Sequence[Duel]) -> tuple[float, Floats, Floats]:
    """Log marginal likelihood, mode and covariance of the scores given the duels, by Newton's method."""
    n = len(kernel)
    later, earlier = (np.array([getattr(duel, side) for duel in duels], int) for side in ("later", "earlier"))
    won = np.array([duel.won + duel.tied / 2 for duel in duels])
    votes = np.array([duel.votes for duel in duels], float)
    design = np.zeros((len(duels), n))
    design[np.arange(len(duels)), later] = 1
    design[np.arange(len(duels)), earlier] -= 1
    precision, scores = np.linalg.inv(kernel + 1e-9 * np.eye(n)), np.zeros(n)
    hessian = precision
    for _ in range(30):
        chance = 1 / (1 + np.exp(-(design @ scores)))
        hessian = precision + design.T @ (design * (votes * chance * (1 - chance))[:, None])
        step = np.linalg.solve(hessian, design.T @ (won - votes * chance) - precision @ scores)
        scores = scores + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-8:
            break
    margins = design @ scores
    fit = float((won * margins - votes * np.logaddexp(0, margins)).sum() - scores @ precision @ scores / 2)
    _, log_hessian = np.linalg.slogdet(hessian)
    _, log_precision = np.linalg.slogdet(precision)
    return fit + (log_precision - log_hessian) / 2, scores, np.linalg.inv(hessian)
