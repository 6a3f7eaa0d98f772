"""The sampler draws from the distribution that it is given, by seed and position alone."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from jielong.contract import Sampling
from jielong.models.token_sampling import Sampler, log_softmax

LOGITS = np.array([2.0, 1.0, 0.0, -1.0, -30.0])


def test_frequencies_fit_the_distribution():
    drawn = [Sampler(0.7, 1.0, seed).pick(LOGITS, t) for seed in range(200) for t in range(50)]
    expected = np.exp(LOGITS / 0.7) / np.exp(LOGITS / 0.7).sum() * len(drawn)
    counts = np.bincount(drawn, minlength=5)
    assert stats.chisquare(counts[:4], expected[:4] * counts[:4].sum() / expected[:4].sum()).pvalue > 0.001


@given(st.integers(0, 2**31), st.integers(0, 1000))
def test_a_token_depends_on_seed_and_position_alone(seed: int, t: int):
    sampler = Sampler(1.0, 0.9, seed)
    assert sampler.pick(LOGITS, t) == Sampler(1.0, 0.9, seed).pick(LOGITS.copy(), t)


def test_top_p_keeps_the_smallest_nucleus():
    assert {Sampler(1.0, 0.6, seed).pick(LOGITS, 0) for seed in range(300)} == {0}
    assert {Sampler(1.0, 0.7, seed).pick(LOGITS, 0) for seed in range(300)} == {0, 1}


def test_temperature_zero_is_the_most_likely_token():
    assert Sampler.of(Sampling(temperature=0), 1.0).pick(LOGITS, 3) == 0


def test_log_softmax_sums_to_one():
    assert np.exp(log_softmax(LOGITS)).sum() == 1.0 or abs(np.exp(log_softmax(LOGITS)).sum() - 1) < 1e-12
