"""The guard on curves that are known: where it puts the peak, and that it does not stop what never falls."""

import numpy as np
import pytest

from jielong.training.alignment.overoptimization_guard import Duel, Guard, PeakEstimate

LOOKS = 21
DISTANCES = np.linspace(0, 6, LOOKS)


def guarded(gold: np.ndarray, seed: int, votes: int = 2000) -> tuple[int | None, PeakEstimate, Guard]:
    """Each vote compares two draws around the looks' gold, and is wrong with probability .25."""
    rng, guard, stopped = np.random.default_rng(seed), Guard(LOOKS, votes), None

    def vote(later: int, earlier: int, count: int) -> Duel:
        a, b = (gold[look] + rng.standard_normal(count) for look in (later, earlier))
        won = int(((a > b) ^ (rng.random(count) < 0.25)).sum())
        return Duel(later, earlier, won, count - won)

    for look in range(LOOKS):
        rival = guard.add_look(float(DISTANCES[look] ** 2))
        if rival is not None:
            guard.add(vote(look, rival, guard.votes_of_look))
        if guard.has_fallen():
            stopped = look
            break
    while duel := guard.next_duel():
        guard.add_choice(vote(*duel))
    return stopped, guard.estimate(), guard


def test_the_weights_of_the_peak_are_chosen_and_a_deep_fall_stops():
    gold = 2.0 * DISTANCES * (1 - DISTANCES / 5.5)  # the peak at 2.75, far below the start at the end
    regrets, stops = [], []
    for seed in range(4):
        stopped, estimate, guard = guarded(gold, seed)
        regrets.append((gold.max() - gold[estimate.best]) / (gold.max() - gold[0]))
        stops.append(stopped)
        assert guard.votes_left >= 0
        assert 0 <= estimate.regret <= estimate.regret_at_most <= 1
    assert np.median(regrets) <= 0.05
    assert all(stop is not None and DISTANCES[stop] > 2.75 for stop in stops)


def test_wrong_votes_leave_the_peak_where_it_is_and_no_votes_no_opinion():
    guard = Guard(3, 100)
    assert [guard.add_look(kl) for kl in (0.0, 1.0)] == [None, 0]
    assert guard.evidence() == 1
    assert not guard.has_fallen()
    guard.add(Duel(1, 0, 20, 10))
    assert guard.estimate().best == 1


def test_a_tie_is_no_evidence():
    guard = Guard(3, 100)
    for kl in (0.0, 1.0):
        guard.add_look(kl)
    guard.add(Duel(1, 0, 0, 0, 30))
    assert guard.evidence() == pytest.approx(1)


@pytest.mark.parametrize("shape", ["rises", "levels off"])
def test_runs_that_never_fall_are_rarely_stopped(shape: str):
    gold = DISTANCES / 2 if shape == "rises" else np.minimum(DISTANCES / 2, 1)
    assert sum(guarded(gold, 100 + seed, votes=400)[0] is not None for seed in range(12)) <= 1
