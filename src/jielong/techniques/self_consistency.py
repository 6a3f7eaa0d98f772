"""Self-consistency: sample several replies and keep the most common answer."""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from math import comb, exp, lgamma

from ..answers import RULES, final_answer
from ..answers.metric_rule import MetricRule
from ..contract import AnswerRule, Model, Reply, Request
from ..errors import BadInput
from ..technique import FailedSample, adds_output, ballot, gather, no_answer, with_sampling_temperature


@adds_output(calls=lambda model, n, **_: n * model)
async def self_consistency(
    model: Model,
    request: Request,
    *,
    n: int = 8,
    adaptive: bool = True,
    confidence: float = 0.9,
    answer: AnswerRule = final_answer,
) -> Reply:
    """Sample up to `n` replies and keep the most common answer (Wang et al. 2023).

    Adaptive: ask in waves, each the fewest samples that could settle the vote, and stop once the leader would win the
    full vote with `confidence`. (Aggarwal et al. 2023 ask whether it is the true majority, which takes more samples for
    the same answers.) confidence=1 stops only when the leader cannot be caught up.
    The first reply that gave the winning answer is returned; a tie goes to the answer that came first.
    """
    if not 0.5 <= confidence <= 1:
        raise BadInput(f"self_consistency: confidence={confidence}; expected a number from 0.5 to 1")
    rule = RULES["json"] if request.schema is not None and answer is final_answer else answer
    request = with_sampling_temperature(request, n)
    samples: list[Reply | FailedSample] = []
    votes, firsts = count_votes(samples, rule)
    while len(samples) < n:
        wave = _samples_to_settle(votes, n - len(samples), confidence) if adaptive else n
        if wave == 0:
            break
        samples += await gather(model, [request] * wave, first=len(samples))
        votes, firsts = count_votes(samples, rule)
    if not votes:
        raise no_answer(samples)
    return firsts[votes.most_common(1)[0][0]]


def count_votes(samples: Sequence[Reply | FailedSample], rule: AnswerRule) -> tuple[Counter[str], dict[str, Reply]]:
    """How often each answer was given, and the first reply that gave it; those without an answer have no vote."""
    votes: Counter[str] = Counter()
    firsts: dict[str, Reply] = {}
    for sample in samples:
        vote = ballot(sample, rule)
        if vote is not None and isinstance(sample, Reply):
            vote = next((other for other in votes if isinstance(rule, MetricRule) and rule.same(other, vote)), vote)
            votes[vote] += 1
            firsts.setdefault(vote, sample)
    return votes, firsts


def _samples_to_settle(votes: Counter[str], left: int, confidence: float) -> int:
    """The fewest further samples that could settle the vote; 0 if it is settled."""
    (_, lead), (_, second) = [*votes.most_common(2), ("", 0), ("", 0)][:2]
    for further in range(left + 1):
        if lead + further and _chance_to_win(lead + further, second, left - further) >= confidence:
            return further
    return left


@cache
def _chance_to_win(lead: int, second: int, left: int) -> float:
    """The chance that the leader still wins after `left` more votes for the two: a Beta-binomial; a tie is half won."""
    if lead > second + left:
        return 1.0
    chance = 0.0
    for votes_won in range(left + 1):
        weight = _log_beta(lead + 1 + votes_won, second + 1 + left - votes_won) - _log_beta(lead + 1, second + 1)
        margin = lead + votes_won - (second + left - votes_won)
        chance += comb(left, votes_won) * exp(weight) * (1.0 if margin > 0 else 0.5 if margin == 0 else 0.0)
    return chance


def _log_beta(a: int, b: int) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)
