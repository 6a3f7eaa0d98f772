"""How good an order of documents is: recall@k, nDCG@k, MRR. Each takes the documents found, best first, and what is
relevant: a set, or the gain of each document. A query without anything relevant has no score.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Mapping, Sequence


def recall_at(k: int, ranking: Sequence[Hashable], relevant: Collection[Hashable]) -> float:
    """Of what is relevant, the share among the first `k`."""
    return len(set(ranking[:k]) & set(_checked(relevant))) / len(relevant)


def ndcg_at(k: int, ranking: Sequence[Hashable], relevant: Collection[Hashable] | Mapping[Hashable, float]) -> float:
    """Normalised discounted cumulative gain (Järvelin & Kekäläinen 2002) with the gains themselves, as in trec_eval:
    the sum of gain / log2(rank + 1) over the first `k`, by what the best order would have. A document counts once."""
    _checked(relevant)
    gains = dict(relevant) if isinstance(relevant, Mapping) else dict.fromkeys(relevant, 1.0)
    best = _discounted(sorted(gains.values(), reverse=True)[:k])
    found = dict.fromkeys(ranking)  # each once
    return _discounted([gains.get(document, 0.0) for document in list(found)[:k]]) / best if best else 0.0


def reciprocal_rank(ranking: Sequence[Hashable], relevant: Collection[Hashable]) -> float:
    """1 / the rank of the first relevant document, 0 where there is none. Its mean over queries is the MRR."""
    wanted = set(_checked(relevant))
    return next((1 / rank for rank, document in enumerate(ranking, 1) if document in wanted), 0.0)


def _discounted(gains: Sequence[float]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, 1))


def _checked(relevant: Collection[Hashable]) -> Collection[Hashable]:
    if not relevant:
        raise ValueError("nothing is relevant to this query; expected at least one document")
    return relevant
