"""What a model may remember of a benchmark, item by item: its order, its words, the rest of what was begun.

Each is a metric, so the one runner of experiments asks it: ledger, resuming, lost calls. A score is a number from 0 to
1 that orders items; what is made of them stands in model_contamination.py.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from statistics import NormalDist

from ..contract import Message, Model, Reply, Request, TokenLogprob
from ..documents.ngrams import tokens_of
from ..errors import NoAnswer, TooLong, Unsupported
from ..models.next_token import ShowsDistributions
from ..tasks.item import Item
from ..tasks.metric import Score, Unit

NOTHING = Request((Message("user", ""),))
SEPARATOR = "\n\n"


@dataclass(frozen=True)
class OrderMetric:
    """How many of `orders` other orders of a few items in a row, which are the item's `context`, are less likely than
    their own one (Oren et al. 2023). The others are distinct."""

    orders: int
    name: str = "order"
    max_tokens: int = 1
    unit: Unit = "share"

    def calls(self, item: Item) -> int:
        return 1 + self.orders

    async def ask(self, model: Model, item: Item) -> Reply:
        """Where the items are too long for the model, the first half of them. Raises TooLong, Unsupported."""
        texts = item.context
        while True:
            try:
                totals = [await self._total(model, order) for order in (texts, *other_orders(texts, self.orders))]
                text = " ".join(repr(each.logprob) for each in totals)  # its result keeps the text
                return Reply(Message("assistant", text), logprobs=tuple(totals))
            except TooLong:
                if len(texts) < 6:  # of fewer than three there is one other order
                    raise
                texts = texts[: len(texts) // 2]

    async def _total(self, model: Model, texts: Sequence[str]) -> TokenLogprob:
        logprobs = await model.logprobs(NOTHING, SEPARATOR.join(texts))
        return TokenLogprob("", math.fsum(each.logprob for each in logprobs))

    def extract(self, reply: Reply) -> str | None:
        own, *others = [each.logprob for each in reply.logprobs or ()]
        return f"{sum(other < own for other in others)} of {len(others)}"

    async def score(self, item: Item, reply: Reply) -> Score:
        own, *others = [each.logprob for each in reply.logprobs or ()]
        if not others or not all(map(math.isfinite, (own, *others))):
            raise NoAnswer("a log-likelihood is not a number", lost=True)
        return Score(sum(other < own for other in others) / len(others), self.extract(reply))

    def same(self, a: str, b: str) -> bool:
        return a == b


def other_orders(texts: Sequence[str], count: int) -> list[list[str]]:
    """Distinct orders of the texts that are not their own one; all there are, if there are fewer than `count`. They are
    drawn by the texts as they stand: were they the same for every file, p would not be exact."""
    rng = random.Random(SEPARATOR.join(texts))
    if math.factorial(len(texts)) <= 4 * count:
        every = [list(order) for order in permutations(range(len(texts)))][1:]
        chosen = rng.sample(every, min(count, len(every)))
    else:
        drawn = dict[tuple[int, ...], None]()
        while len(drawn) < count:
            order = tuple(rng.sample(range(len(texts)), len(texts)))
            if order != tuple(range(len(texts))):
                drawn[order] = None
        chosen = [list(order) for order in drawn]
    return [[texts[i] for i in order] for order in chosen]


@dataclass(frozen=True)
class MinKMetric:
    """Min-K%++ (Zhang et al. 2024): the mean of the least likely fifth of a text's tokens, each log-probability less
    what the model expected there, in standard deviations; as a share by the normal distribution."""

    share: float = 0.2
    name: str = "min_k"
    max_tokens: int = 1
    unit: Unit = "share"

    def calls(self, item: Item) -> int:
        return 1

    async def ask(self, model: Model, item: Item) -> Reply:
        """Raises Unsupported for a model that does not show whole distributions."""
        base = model.base
        if not isinstance(base, ShowsDistributions):
            raise Unsupported(f"{base.name} shows no distribution of the next token; a local: model or mini does")
        values = await base.standardized_logprobs(NOTHING, str(item.input))
        return Reply(Message("assistant", ""), logprobs=tuple(TokenLogprob("", value) for value in values))

    def extract(self, reply: Reply) -> str | None:
        return f"{self._value(reply):.3f}"

    def _value(self, reply: Reply) -> float:
        values = sorted(each.logprob for each in reply.logprobs or ())
        lowest = values[: max(1, round(self.share * len(values)))]
        return math.fsum(lowest) / len(lowest) if lowest else math.nan

    async def score(self, item: Item, reply: Reply) -> Score:
        value = self._value(reply)
        if not math.isfinite(value):
            raise NoAnswer("a log-probability is not a number", lost=True)
        return Score(NormalDist(0, 3).cdf(value), self.extract(reply))

    def same(self, a: str, b: str) -> bool:
        return a == b


@dataclass(frozen=True)
class CompletionMetric:
    """How much of the second half of a text, which is the accepted answer, a model writes that sees the first and is
    told where it is from (the guided instruction of Golchin and Surdeanu 2023). Their comparison with an instruction
    that does not name the source is not made: models that never read it come out as contaminated."""

    name: str = "completion"
    max_tokens: int = 200
    unit: Unit = "share"

    def extract(self, reply: Reply) -> str | None:
        return reply.text.strip() or None

    async def score(self, item: Item, reply: Reply) -> Score:
        common, longest = overlap(item.accepted[0], reply.text)
        return Score(common, self.extract(reply), {"reproduced": float(longest >= RUN)})

    def same(self, a: str, b: str) -> bool:
        return a == b


RUN = 13  # tokens in a row that do not come by chance


def overlap(rest: str, completion: str) -> tuple[float, int]:
    """The share of the tokens of `rest` in the longest common subsequence, and the longest run of common tokens."""
    a, b = ([t.span(i, i + 1) for i in range(len(t))] for t in (tokens_of(rest), tokens_of(completion)))
    common, runs, longest = [0] * (len(b) + 1), [0] * (len(b) + 1), 0
    for token in a:
        above, before = common[:], runs[:]
        for j, other in enumerate(b, 1):
            common[j] = above[j - 1] + 1 if token == other else max(above[j], common[j - 1])
            runs[j] = before[j - 1] + 1 if token == other else 0
            longest = max(longest, runs[j])
    return common[-1] / max(1, len(a)), longest
