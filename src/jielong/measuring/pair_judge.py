"""A model as judge of pairs: each pair is shown in both orders, and a pair of which one order is lost has no verdict.

Judging is a step of its own: the judge's questions are the items of an experiment whose models are the judges. So a run
that was killed goes on, what was judged is not paid again, and another judge costs no call of the models that wrote the
replies. The judge is asked at temperature 0; repeats show how far its verdicts change all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..contract import Message, Model, Reply, Request, Scorer, Usage
from ..errors import NoAnswer
from ..prompts import fill, prompt
from ..tasks.item import Item
from ..tasks.metric import Score, Unit
from ..tasks.task import Task
from .evaluate import measure
from .experiment import Experiment
from .judge import question_details
from .results import ModelResult
from .verdicts import read_verdict
from .vote_pairs import Pair
from .votes import Winner

ORDERS = ("ab", "ba")  # which reply is shown first


@dataclass(frozen=True)
class PairVerdict:
    """`orders`: for each repeat, what the reply shown first scored where that was model_a's, and where it was
    model_b's; None where the verdict is lost."""

    pair: Pair
    orders: tuple[tuple[float | None, float | None], ...]

    @property
    def complete(self) -> list[tuple[float, float]]:
        """The repeats in which both orders have a verdict."""
        return [(ab, ba) for ab, ba in self.orders if ab is not None and ba is not None]

    @property
    def score(self) -> float | None:
        """What model_a's reply scored against model_b's, from 0 to 1; None without a verdict in both orders."""
        scores = [(ab + 1 - ba) / 2 for ab, ba in self.complete]
        return sum(scores) / len(scores) if scores else None


@dataclass(frozen=True)
class JudgedPairs:
    """One judge's verdicts. `unread`: replies of the judge that hold no verdict; `lost`: calls without a reply; both
    count calls, of which each pair has two for each repeat. `reasons` are the words of both, with their counts."""

    judge: str
    verdicts: tuple[PairVerdict, ...]
    unread: int = 0
    lost: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True)
class VerdictMetric:
    """What a judge's reply says; asks by itself (`AskingMetric`), at temperature 0."""

    read: Callable[[str], Score | None]
    seed: int = 0
    name: str = "verdict"
    max_tokens: int = 2048
    unit: Unit = "share"

    def extract(self, reply: Reply) -> str | None:
        score = self.read(reply.text)
        return score.extracted if score else None

    def calls(self, item: Item) -> int:
        return 1

    async def ask(self, model: Model, item: Item) -> Reply:
        request = item.request()
        return await model.generate(request.with_sampling(seed=self.seed, max_tokens=self.max_tokens, temperature=0.0))

    async def score(self, item: Item, reply: Reply) -> Score:
        if (score := self.read(reply.text)) is None:
            raise NoAnswer("the judge gave no verdict that can be read")
        return score

    def same(self, a: str, b: str) -> bool:
        return a == b


def pair_verdict(text: str) -> Score | None:
    value = read_verdict(text)
    return None if value is None else Score(value, f"{value:g}")


async def judge_pairs(
    pairs: Sequence[Pair],
    judges: Sequence[Model],
    *,
    criteria: Mapping[str, str] | None = None,
    repeats: int = 1,
    seed: int = 0,
    concurrency: int = 64,
    ledger: Path | None = None,
    on_answer: Callable[[], None] | None = None,
) -> list[JudgedPairs]:
    """Every judge on all pairs, in both orders, `repeats` times. Raises EndpointUnfit where no verdict comes at all.

    A reward model reads no criteria and sees each reply alone, so both orders have one verdict.
    """
    task = pair_task(pairs, criteria or {}, repeats, seed)
    judged = []
    for judge in judges:
        if isinstance(judge, Scorer):
            judged.append(await _scored(judge.name, judge, pairs, repeats))
        else:
            (result,) = await ask_judges(task, [judge], seed, concurrency, ledger, on_answer)
            judged.append(_judged(result, pairs, repeats))
    return judged


async def _scored(name: str, scorer: Scorer, pairs: Sequence[Pair], repeats: int) -> JudgedPairs:
    verdicts, lost = [], 0
    for pair in pairs:
        replies = [Reply(Message("assistant", text)) for text in (pair.response_a, pair.response_b)]
        a, b = (await scorer.score(Request((Message("user", pair.prompt),)), replies)).values
        score = None if a is None or b is None else 0.5 + 0.5 * ((a > b) - (a < b))
        lost += 2 * repeats * (score is None)
        order = (score, None if score is None else 1 - score)
        verdicts.append(PairVerdict(pair, (order,) * repeats))
    return JudgedPairs(name, tuple(verdicts), lost)


async def ask_judges(
    task: Task,
    judges: Sequence[Model],
    seed: int,
    concurrency: int,
    ledger: Path | None,
    on_answer: Callable[[], None] | None,
) -> list[ModelResult]:
    """Every judge on all questions of `task`, in a run of the ledger for each, so that one judge more is no other work
    for the first."""
    results = []
    for judge in judges:
        experiment = Experiment(task, seed=seed, concurrency=concurrency, ledger=ledger, on_answer=on_answer)
        with experiment.open("judge", judge.name):
            results.append(await measure(experiment, judge))
            experiment.finish()
    return results


def pair_task(pairs: Sequence[Pair], criteria: Mapping[str, str], repeats: int, seed: int) -> Task:
    """The judge's questions: for each pair and repeat one in each order."""
    items = tuple(
        Item(f"{pair.id} {order} {repeat}", _question(pair, order, criteria), cluster=pair.cluster)
        for pair in pairs
        for repeat in range(repeats)
        for order in ORDERS
    )
    return Task("pairs", items, VerdictMetric(pair_verdict, seed), "which of two replies is better", "pairs")


def _question(pair: Pair, order: str, criteria: Mapping[str, str]) -> str:
    request = Request((Message("user", pair.prompt),))
    replies = (pair.response_a, pair.response_b) if order == "ab" else (pair.response_b, pair.response_a)
    details = question_details(request, criteria, pair.accepted)
    values = {"question": pair.prompt, "first": replies[0], "second": replies[1], "details": details}
    return fill(prompt(request, "judge", "compare"), values).strip()


def _judged(result: ModelResult, pairs: Sequence[Pair], repeats: int) -> JudgedPairs:
    values = [answer.score if answer.error is None else None for answer in result.answers]
    orders = list(zip(values[::2], values[1::2], strict=True))
    verdicts = [PairVerdict(pair, tuple(orders[i * repeats : (i + 1) * repeats])) for i, pair in enumerate(pairs)]
    unread, lost, reasons = failures(result)
    return JudgedPairs(result.model, tuple(verdicts), unread, lost, reasons, result.usage)


def failures(result: ModelResult) -> tuple[int, int, dict[str, int]]:
    """Replies without a verdict, calls without a reply, and the words of both."""
    reasons: dict[str, int] = {}
    lost = 0
    for answer in result.answers:
        if answer.error is not None:
            reasons[answer.error] = reasons.get(answer.error, 0) + 1
            lost += answer.score is None and not answer.text
    total = sum(reasons.values())
    return total - lost, lost, dict(sorted(reasons.items(), key=lambda pair: -pair[1]))


def vote_line(judge: str, verdict: PairVerdict) -> dict[str, Any] | None:
    """The verdict as a vote of the judge, with what each order said; None where there is none."""
    if (score := verdict.score) is None:
        return None
    winner: Winner = "model_a" if score > 0.5 else "model_b" if score < 0.5 else "tie"
    return {**verdict.pair.record(judge, winner), "shown_first": None, "score": score, "orders": verdict.orders}
