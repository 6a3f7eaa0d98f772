"""A model as judge of answers: a grade from 0 to 10 (G-Eval style, Liu et al. 2023).

The judge sees the question, the answer and what is accepted where the task says it, not who wrote the answer. An answer
whose grade cannot be read has no score: that is the judge's fault and not the answer's. It is asked at temperature 0,
as a grade that is drawn differs from one time to the next.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..call_context import sub_path
from ..contract import Message, Model, Reply, Request, Scorer, Scores
from ..errors import BadInput, NoAnswer
from ..prompts import fill, prompt
from ..tasks.item import Item
from ..tasks.metric import NeedsJudge, Score, answer_rule
from ..tasks.task import Task
from ..technique import FailedSample, gather
from .verdicts import read_grade


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
        asked = [self._grading_request(request, reply) for reply in replies]
        different = list({each.messages: each for each in asked}.values())  # equal replies get one grade
        with sub_path("judge"):
            verdicts = dict(zip(different, await gather(self.model, different), strict=True))
        failures = [verdict.error for verdict in verdicts.values() if isinstance(verdict, FailedSample)]
        if len(failures) == len(different):
            raise failures[0]
        grades = (verdicts[each] for each in asked)
        return Scores(tuple(None if isinstance(each, FailedSample) else read_grade(each.text) for each in grades))

    def _grading_request(self, request: Request, reply: Reply) -> Request:
        text = grading_prompt(request, reply.text, self.accepted)
        judged = (*request.messages[:-1], Message("user", text))
        return Request(judged, request.sampling).with_sampling(stop=(), temperature=0.0)


def judge_of(model: Model) -> Scorer:
    """The model as it grades: a reward model by itself, any other one by being asked."""
    return model if isinstance(model, Scorer) else Judge(model)


def grading_prompt(
    request: Request, answer: str, accepted: Sequence[str], criteria: Mapping[str, str] | None = None
) -> str:
    """What a judge is asked about an answer to the last message of `request`; by each criterion if there are some."""
    values = {"question": request.messages[-1].text, "answer": answer, "accepted": "\n".join(accepted)}
    if not criteria:
        return fill(prompt(request, "judge", "grade_against" if accepted else "grade"), values).strip()
    values |= {"details": question_details(request, criteria, accepted), "example": next(iter(criteria))}
    return fill(prompt(request, "judge", "grade_by"), values).strip()


def question_details(request: Request, criteria: Mapping[str, str], accepted: Sequence[str]) -> str:
    """The criteria, each with its id, and what is accepted as the answer, where there are some."""
    listed = "\n".join(f"{name}: {text}" for name, text in criteria.items())
    known = fill(prompt(request, "judge", "reference"), {"accepted": "\n".join(accepted)}) if accepted else ""
    return (fill(prompt(request, "judge", "criteria"), {"criteria": listed}) if criteria else "") + known


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
