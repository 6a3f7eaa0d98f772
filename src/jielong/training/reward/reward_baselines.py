"""What a reward model has to beat: which reply is longer, and which words it has, each by logistic regression.

Both see the last reply alone, and are fitted on the pairs that the model was trained on. A pair is the difference of
its replies, without a constant, so that nothing depends on which one stands first.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.preference_data import Preference

Floats = NDArray[np.float64]
PENALTY = 1.0  # on half the sum of squares of the weights, beside the sum of the losses
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_]+|[?!]")


@dataclass(frozen=True)
class Baseline:
    """`differences`: the log-odds that the preferred reply is the better one, for each pair that was tested."""

    name: str
    differences: Floats


def baselines(training: Sequence[Preference], tested: Sequence[Preference]) -> list[Baseline]:
    """Length, and words with pairs of words (Chinese by characters) that are in three replies at least."""
    return [
        Baseline("length", _fitted(_lengths(training), _lengths(tested), training)),
        Baseline("words", _words(training, tested)),
    ]


def reply_text(turns: Sequence[Any]) -> str:
    return str(turns[-1]["content"])


def _lengths(preferences: Sequence[Preference]) -> Floats:
    """(pairs, 1): the difference of the logarithms of the lengths in characters."""
    return np.array(
        [[np.log1p(len(reply_text(each.chosen))) - np.log1p(len(reply_text(each.rejected)))] for each in preferences]
    )


def _words(training: Sequence[Preference], tested: Sequence[Preference]) -> Floats:
    from scipy import sparse

    counts = [[_counted(reply_text(turns)) for turns in (each.chosen, each.rejected)] for each in training]
    frequency = Counter(word for pair in counts for reply in pair for word in reply)
    column_of = {word: i for i, word in enumerate(sorted(w for w, n in frequency.items() if n > 2))}

    def table(pairs: Sequence[Sequence[set[str]]]) -> Any:
        rows, columns, values = list[int](), list[int](), list[float]()
        for row, (chosen, rejected) in enumerate(pairs):
            for words, value in ((chosen - rejected, 1.0), (rejected - chosen, -1.0)):
                known = [column_of[word] for word in words if word in column_of]
                rows, columns, values = rows + [row] * len(known), columns + known, values + [value] * len(known)
        return sparse.csr_matrix((values, (rows, columns)), (len(pairs), max(1, len(column_of))))

    tested_counts = [[_counted(reply_text(turns)) for turns in (each.chosen, each.rejected)] for each in tested]
    return _fitted(table(counts), table(tested_counts), training)


def _counted(text: str) -> set[str]:
    words = _WORD.findall(text.casefold())
    return {*words, *(f"{a} {b}" for a, b in pairwise(words))}


def _fitted(x: Any, tested: Any, training: Sequence[Preference]) -> Floats:
    from scipy.optimize import minimize

    preference = np.array([each.preference for each in training])

    def loss(weights: Floats) -> tuple[float, Floats]:
        z = x @ weights
        value = np.logaddexp(0, z).sum() - preference @ z + PENALTY * (weights @ weights) / 2
        return float(value), x.T @ (1 / (1 + np.exp(-np.clip(z, -60, 60))) - preference) + PENALTY * weights

    weights = minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B").x
    differences: Floats = tested @ weights
    return differences
