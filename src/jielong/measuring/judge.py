"""A model as judge of answers: a grade from 0 to 10 (G-Eval style, Liu et al. 2023).

The judge sees the question, the answer and what is accepted where the task says it, not who wrote the answer. An answer
whose grade cannot be read has no score: that is the judge's fault and not the answer's.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..answers import RULES
from ..context import sub_path
from ..contract import Message, Model, Reply, Request, Scorer, Scores
from ..errors import BadInput, NoAnswer
from ..prompts import fill, prompt
from ..tasks.item import Item
from ..tasks.metric import NeedsJudge, Score, answer_rule
from ..tasks.task import Task
from ..technique import FailedSample, gather


@dataclass(frozen=True)
class Judge:
    """A Scorer that grades each reply with one call of `model`."""

    model: Model
    accepted: tuple[str, ...] = ()  # right answers to the question; none where nobody knows one

    def __str__(self) -> str:
        return self.model.name

    @property
    def calls(self) -> int:
        return self.model.max_calls()

    async def score(self, request: Request, replies: Sequence[Reply]) -> Scores:
        """Each grade as a fraction of 10; None where it cannot be read. Raises the first error where no grade came."""
        with sub_path("judge"):
            verdicts = await gather(self.model, [self._grading_request(request, reply) for reply in replies])
        failures = [verdict.error for verdict in verdicts if isinstance(verdict, FailedSample)]
        if len(failures) == len(replies):
            raise failures[0]
        return Scores(tuple(None if isinstance(each, FailedSample) else _grade(each) for each in verdicts))

    def _grading_request(self, request: Request, reply: Reply) -> Request:
        values = {"question": request.messages[-1].text, "answer": reply.text, "accepted": "\n".join(self.accepted)}
        template = prompt(request, "judge", "grade_against" if self.accepted else "grade")
        question = Message("user", fill(template, values).strip())
        return Request((*request.messages[:-1], question), request.sampling).with_sampling(stop=())


def _grade(verdict: Reply) -> float | None:
    text = re.sub(r"(?<=\d)[ *]{0,3}(?:/[ *]{0,3}10\b|out of (?:10|ten)\b)", "", verdict.text)  # 8/10 is 8, not .8
    try:
        value = float(RULES["number"](text) or "nan") / 10
    except ValueError:
        return None
    return value if 0 <= value <= 1 else None  # a grade outside 0 to 10 was not meant as one


@dataclass(frozen=True)
class JudgeMetric(NeedsJudge):
    """Graded by a scorer: a judge, a reward model, the rules of a game."""

    judge: Scorer | None = None
    seed: int = 0

    async def score(self, item: Item, reply: Reply) -> Score:
        assert self.judge
        request = item.request().with_sampling(seed=self.seed, max_tokens=self.max_tokens)
        judge = replace(self.judge, accepted=item.accepted) if isinstance(self.judge, Judge) else self.judge
        value = (await judge.score(request, [reply])).values[0]
        if value is None:
            raise NoAnswer(f"{self.judge} gave no grade that can be read")
        return Score(value, f"{10 * value:g}")


def with_judge(task: Task, judge: Scorer | None, seed: int) -> Task:
    """The task graded by `judge`, if there is one. Raises BadInput where only a judge can tell what an answer is worth
    and none is given."""
    if judge is not None:
        metric = JudgeMetric(rule=answer_rule(task.metric), judge=judge, seed=seed)
        known = any(item.accepted for item in task.items)
        why = f"graded from 0 to 10 by {judge}" + ", which is shown the accepted answers" * known
        return replace(task, metric=metric, why_metric=why)
    if type(task.metric) is NeedsJudge:
        raise BadInput(f"{task.name}: {task.why_metric}, so a judge is needed: --judge RECIPE")
    return task


def grading_calls(task: Task) -> int:
    """The most provider calls that grading one reply takes."""
    return task.metric.judge.calls if isinstance(task.metric, JudgeMetric) and task.metric.judge else 0


def judge_model(task: Task) -> Model | None:
    """The model that grades, where it is one."""
    scorer = task.metric.judge if isinstance(task.metric, JudgeMetric) else None
    return scorer.model if isinstance(scorer, Judge) else None
