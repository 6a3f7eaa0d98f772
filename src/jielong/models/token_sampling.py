"""From logits to tokens. Token t of a sample depends on (logits, seed, t) alone, never on its neighbours in a batch."""

from __future__ import annotations

import hashlib
import math
import secrets
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract import Sampling, TokenLogprob

Logits = NDArray[Any]  # (vocabulary,)


@dataclass(frozen=True)
class Sampler:
    """`temperature` 0 takes the most likely token. The log-probabilities are those of the model, at temperature 1."""

    temperature: float
    top_p: float
    seed: int

    @classmethod
    def of(cls, sampling: Sampling, default_temperature: float) -> Sampler:
        """The sampler of a request; where it has no seed, a fresh one."""
        temperature = default_temperature if sampling.temperature is None else sampling.temperature
        seed = secrets.randbits(31) if sampling.seed is None else sampling.seed
        return cls(temperature, 1.0 if sampling.top_p is None else sampling.top_p, seed)

    def pick(self, logits: Logits, t: int) -> int:
        """The token at position `t` of the reply: the first of exponential clocks to ring, token i at rate p(i).

        Unlike a search in cumulative sums, this gives the same token on machines that round differently, but for ties.
        """
        if self.temperature == 0:
            return int(np.argmax(logits))
        scaled = logits.astype(np.float64) / self.temperature
        weights = np.exp(scaled - scaled.max())
        if self.top_p < 1:
            weights = _nucleus(weights, self.top_p)
        return int(np.argmax(weights / _exponential_times(self.seed, t, len(weights))))


def _exponential_times(seed: int, t: int, n: int) -> NDArray[np.float64]:
    """`n` exponential times of rate 1 from (seed, t); the raw bits of Philox are the same in every NumPy."""
    key = hashlib.blake2b(f"{seed} {t}".encode(), digest_size=16).digest()
    bits = np.random.Philox(key=int.from_bytes(key, "big")).random_raw(n) >> np.uint64(11)
    times: NDArray[np.float64] = -np.log((bits.astype(np.float64) + 0.5) / 2**53)
    return times


def _nucleus(weights: NDArray[np.float64], top_p: float) -> NDArray[np.float64]:
    """The smallest set of tokens that holds `top_p` of the probability (Holtzman et al. 2020)."""
    order = np.argsort(-weights, kind="stable")
    before = np.cumsum(weights[order]) - weights[order]
    inside = order[before < top_p * weights.sum()]
    nucleus = np.zeros_like(weights)
    nucleus[inside] = weights[inside]
    return nucleus


def log_softmax(logits: Logits) -> NDArray[np.float64]:
    """Over the last axis, in double precision."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    normalised: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return normalised


def _most_likely(logprobs: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """The indices of so many, the most likely first and the first of equals: without sorting a whole vocabulary."""
    if count == 0:
        return np.empty(0, np.intp)
    if count >= len(logprobs):
        return np.argsort(-logprobs, kind="stable")[:count]
    among = np.flatnonzero(logprobs >= np.partition(logprobs, -count)[-count])
    return among[np.argsort(-logprobs[among], kind="stable")][:count]


def token_logprob(logits: Logits, token: int, top: int, text_of: Any) -> TokenLogprob:
    """The log-probability of `token` and of the `top` most likely ones; `text_of(token)` gives their texts."""
    logprobs = log_softmax(logits)
    best = _most_likely(logprobs, top)
    others = tuple((text_of(int(b)), float(logprobs[b])) for b in best)
    return TokenLogprob(text_of(token), float(logprobs[token]), others)


def standardized_logprob(logits: Logits, token: int) -> float:
    """How many standard deviations the log-probability of `token` is above its mean under the distribution."""
    logprobs = log_softmax(logits)
    probabilities = np.exp(logprobs)
    possible = probabilities > 0
    mean = float(np.sum(probabilities[possible] * logprobs[possible]))
    variance = float(np.sum(probabilities[possible] * (logprobs[possible] - mean) ** 2))
    return (float(logprobs[token]) - mean) / math.sqrt(max(variance, 1e-12))
