"""More than one sample: vote among them, or keep the best."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cache
from math import comb, exp, lgamma
from typing import Any, Literal

from ..answers import RULES, final_answer
from ..contract import AnswerRule, Message, Model, Reply, Request, Scorer
from ..errors import BadInput, NoAnswer
from ..prompts import prompt
from ..scope import note
from ..technique import FailedSample, adds_output, ballot, gather, no_answer, with_sampling_temperature
from .search.game24 import Game24Scorer

RULES_OF_GAMES: Mapping[str, Scorer] = {"game24": Game24Scorer()}


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
    votes: Counter[str] = Counter()
    firsts: dict[str, Reply] = {}
    samples: list[Reply | FailedSample] = []
    while len(samples) < n:
        wave = _fewest(votes, n - len(samples), confidence) if adaptive else n
        if wave == 0:
            break
        new = await gather(model, [request] * wave, first=len(samples))
        samples += new
        for sample in new:
            vote = ballot(sample, rule)
            if vote is not None and isinstance(sample, Reply):
                votes[vote] += 1
                firsts.setdefault(vote, sample)
    if not votes:
        raise no_answer(samples)
    return firsts[votes.most_common(1)[0][0]]


def _fewest(votes: Counter[str], left: int, confidence: float) -> int:
    """The fewest further samples that could settle the vote; 0 if it is settled."""
    (_, lead), (_, second) = [*votes.most_common(2), ("", 0), ("", 0)][:2]
    for more in range(left + 1):
        if lead + more and _stays_ahead(lead + more, second, left - more) >= confidence:
            return more
    return left


@cache
def _stays_ahead(lead: int, second: int, left: int) -> float:
    """The chance that the leader still wins after `left` more votes for the two: a Beta-binomial; a tie is half won."""
    if lead > second + left:
        return 1.0
    chance = 0.0
    for won in range(left + 1):
        weight = _log_beta(lead + 1 + won, second + 1 + left - won) - _log_beta(lead + 1, second + 1)
        margin = lead + won - (second + left - won)
        chance += comb(left, won) * exp(weight) * (1.0 if margin > 0 else 0.5 if margin == 0 else 0.0)
    return chance


def _log_beta(a: int, b: int) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)


def _best_of_n_calls(model: int, n: int, scorer: Any, **_: Any) -> int:
    scorer = RULES_OF_GAMES.get(scorer, scorer) if isinstance(scorer, str) else scorer
    grading = model if scorer is None else scorer if isinstance(scorer, int) else scorer.calls
    return n * (model + grading)


@adds_output(calls=_best_of_n_calls)
async def best_of_n(
    model: Model,
    request: Request,
    *,
    n: int = 4,
    scorer: Scorer | Model | Literal["game24"] | None = None,
    grade: str | None = None,
) -> Reply:
    """Sample `n` replies and keep the one that the scorer likes best (Cobbe et al. 2021 use a trained verifier).

    A model as scorer is asked for a grade from 0 to 10 of each reply, with the words of `grade`; without one the model
    grades itself; `game24` checks by the rules of that game. Equal replies are graded once. A reply whose grade cannot
    be read is out; when most samples ask for tools, the most common tool call wins.
    """
    request = with_sampling_temperature(request, n)
    samples = await gather(model, [request] * n)
    replies = [sample for sample in samples if isinstance(sample, Reply)]
    calls = [reply for reply in replies if reply.finish == "tool_calls"]
    if len(calls) * 2 > len(replies):
        votes = Counter(ballot(call, final_answer) for call in calls)
        return next(call for call in calls if ballot(call, final_answer) == votes.most_common(1)[0][0])
    answers = [reply for reply in replies if reply.finish == "stop"]
    if not answers:
        raise no_answer(samples)
    different = [reply for i, reply in enumerate(answers) if reply.message not in [r.message for r in answers[:i]]]
    if scorer is None or isinstance(scorer, Model):
        words = prompt(request, "best_of_n", "grade") if grade is None else grade
        grades = await _grades(scorer or model, request, different, words, first=n)
    else:
        rules = RULES_OF_GAMES[scorer] if isinstance(scorer, str) else scorer
        grades = list((await rules.score(request, different)).values)
        if rules is not scorer and None in grades:
            note(f"best_of_n: a question that is none of {scorer} was not graded: its first reply was kept")
            return different[0]
    if all(value is None for value in grades):
        raise NoAnswer(f"none of {len(answers)} replies got a grade that could be read")
    return max(zip(different, grades, strict=True), key=lambda pair: float("-inf") if pair[1] is None else pair[1])[0]


async def _grades(scorer: Model, request: Request, replies: list[Reply], words: str, first: int) -> list[float | None]:
    question = Message("user", words)
    asides = [request.side_request(reply.message, question).with_sampling(temperature=None) for reply in replies]
    graded = await gather(scorer, asides, first=first)
    return [_number(ballot(sample, RULES["number"])) for sample in graded]


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
