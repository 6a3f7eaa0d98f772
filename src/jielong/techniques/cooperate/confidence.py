"""How sure a model is of a reply, as a number that is compared with a threshold: four ways to know it.

`agreement`  the share of its samples that give the most common answer (as in Wang et al. 2023)
`logprob`    the geometric mean of the probabilities of the reply's tokens
`judge`      the grade that a judge gives the reply: 0 to 1 from a model, the scorer's own scale from a scorer
`own_word`   what the model says when it is asked how sure it is, from 0 to 1 (Lin et al. 2022)
"""

import math
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from ...answers import RULES, final_answer
from ...contract import AnswerRule, Message, Model, Reply, Request, Scorer
from ...errors import Unsupported
from ...prompts import prompt
from ...technique import FailedSample, ballot, gather, no_answer, with_sampling_temperature
from ..prompting import Words
from ..self_consistency import count_votes

Accept: TypeAlias = Literal["agreement", "logprob", "judge", "own_word"]


@dataclass(frozen=True)
class Confidence:
    """How a stage's confidence is found; `judge` None: the next stage judges."""

    accept: Accept
    n: int
    judge: Scorer | Model | None = None
    answer: AnswerRule = final_answer
    grade: Words = None
    ask: Words = None

    def max_calls(self, stage: int, judge: int) -> int:
        """The most calls that one attempt takes, a reply taking `stage` and a grade `judge` of them."""
        return {"agreement": self.n * stage, "logprob": stage, "judge": stage + judge, "own_word": 2 * stage}[
            self.accept
        ]

    async def attempt(
        self, stage: Model, request: Request, following: Model | None, enough: float | None = None
    ) -> tuple[Reply, float | None]:
        """A reply and how sure it is; None where that cannot be read. Samples are drawn until it is known whether they
        agree `enough`, or all of them. Raises SampleError for what is no reply, Unsupported without log-probabilities.
        """
        if self.accept == "agreement":
            return await self._agreement(stage, request, enough)
        if self.accept == "logprob":
            return await self._logprob(stage, request)
        reply = await stage.generate(request)
        if self.accept == "own_word":
            return reply, await self._number(
                stage, request, reply, prompt(request, "cascade", "own_word", self.ask), 100
            )
        judge = self.judge or following
        if isinstance(judge, Model) and not isinstance(judge, Scorer):
            return reply, await self._number(judge, request, reply, prompt(request, "cascade", "grade", self.grade), 10)
        assert judge
        return reply, (await judge.score(request, [reply])).values[0]

    async def _agreement(self, stage: Model, request: Request, enough: float | None) -> tuple[Reply, float | None]:
        rule = RULES["json"] if request.schema is not None and self.answer is final_answer else self.answer
        request = with_sampling_temperature(request, self.n)
        needed = self.n if enough is None else max(1, math.ceil(enough * self.n - 1e-9))
        samples: list[Reply | FailedSample] = []
        while (left := self.n - len(samples)) > 0:
            votes, _ = count_votes(samples, rule)
            lead = max(votes.values(), default=0)
            if enough is not None and (lead >= needed or lead + left < needed):
                break
            # As few as could settle it either way: by agreement, or by the samples that rule it out.
            wave = left if enough is None else min(needed - lead, lead + left - needed + 1)
            samples += await gather(stage, [request] * wave, first=len(samples))
        votes, firsts = count_votes(samples, rule)
        if not votes:
            raise no_answer(samples)
        winner, count = votes.most_common(1)[0]
        return firsts[winner], count / self.n

    async def _logprob(self, stage: Model, request: Request) -> tuple[Reply, float]:
        wanted = request.sampling.logprobs
        reply = await stage.generate(request if wanted is not None else request.with_sampling(logprobs=0))
        if not reply.logprobs:
            raise Unsupported(f"{stage.name} gives no log-probabilities; use accept=agreement, judge or own_word")
        confidence = math.exp(sum(token.logprob for token in reply.logprobs) / len(reply.logprobs))
        return (reply if wanted is not None else replace(reply, logprobs=None)), confidence

    async def _number(self, model: Model, request: Request, reply: Reply, words: str, most: int) -> float | None:
        question = request.side_request(reply.message, Message("user", words)).with_sampling(temperature=None)
        text = ballot((await gather(model, [question]))[0], RULES["number"])
        return _share(text or "", most)


def _share(number: str, most: int) -> float | None:
    """A number on a scale up to `most` as a part of it. "95%" and, where whole numbers were asked for, .95 or 8/10
    (which is read as .8) are parts already."""
    try:
        value = float(number.removesuffix("%"))
    except ValueError:
        return None
    part = value / 100 if number.endswith("%") else value if 0 < value < 1 else value / most
    return part if 0 <= part <= 1 else None
