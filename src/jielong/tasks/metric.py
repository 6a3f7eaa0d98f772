"""A metric is the one thing that knows a way of grading: what counts as the answer in a reply, and what it is worth.

Most are an answer rule with what it counts as equal (`number`, `choice`, …); some tasks bring a check of their own
(`CheckMetric`); a judge is one, too (measuring/judge.py). The table of names is open: `registry.register("metrics", …)`
and the entry points `jielong.metrics` add to it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from .. import registry
from ..answers import RULES
from ..answers.named_answer import named_answer
from ..answers.number_answer import other_readings
from ..answers.program import code as code_rule
from ..contract import Model, Reply
from ..errors import BadInput
from .answer_equality import chosen_letter, matches, plain, same, same_number, without_question
from .code_tests import passes_tests
from .item import Item

MAX_TOKENS = 2048  # of a reply, whatever the metric: another metric then finds the replies in the ledger
Unit: TypeAlias = Literal["share", "grade"]  # how people read a mean: 0.75 as 75 % right, or as a grade of 7.5


@dataclass(frozen=True)
class Score:
    """`value` in [0, 1]. `extracted` is None when the reply held no answer. `parts` are named scores beneath it."""

    value: float
    extracted: str | None
    parts: Mapping[str, float] = field(default_factory=dict)


@runtime_checkable
class Metric(Protocol):
    """`max_tokens` is the limit of a reply that this metric grades."""

    @property
    def name(self) -> str: ...

    @property
    def max_tokens(self) -> int: ...

    @property
    def unit(self) -> Unit: ...

    def extract(self, reply: Reply) -> str | None:
        """What counts as the answer in a reply; None when there is none."""

    async def score(self, item: Item, reply: Reply) -> Score:
        """What the reply is worth. Raises SampleError where nothing can be said of it, as when a judge gives up."""

    def same(self, a: str, b: str) -> bool:
        """Whether two extracted answers are one answer in a vote."""


@runtime_checkable
class AskingMetric(Protocol):
    """A Metric that is not of a generated reply: it asks the model by itself, as for the likelihood of each choice."""

    def calls(self, item: Item) -> int:
        """The most provider calls that it takes."""

    async def ask(self, model: Model, item: Item) -> Reply:
        """What `score` grades. Raises SampleError where the item is lost."""


@runtime_checkable
class LabelledMetric(Protocol):
    """A Metric that has to know the answers of the whole task."""

    def with_labels(self, labels: tuple[str, ...]) -> Metric: ...


@dataclass(frozen=True)
class RuleMetric:
    """The answer that the rule of this name finds is one of the item's accepted ones."""

    name: str
    max_tokens: int = MAX_TOKENS
    unit: Unit = "share"

    @property
    def rule(self) -> str:
        return self.name

    def extract(self, reply: Reply) -> str | None:
        return RULES[self.name](reply.text)

    async def score(self, item: Item, reply: Reply) -> Score:
        if item.tests:
            # Tests decide whatever the rule: an item that has them was made to be run.
            program = code_rule(reply.text, item.tests.entry_point)
            return Score(float(program is not None and await passes_tests(item.tests, program)), program)
        extracted = self.extract(reply)
        if self.name == "choice" and item.choices and not (extracted and chosen_letter(extracted, item.choices)):
            extracted = named_answer(without_question(reply.text, item.input), item.choices) or extracted
        if self.name == "contains" and extracted is not None:
            extracted = without_question(extracted, item.input)
        right = await matches(self.name, extracted, item.accepted, choices=item.choices)
        if not right and self.name == "number" and extracted is not None:
            right = any(
                same_number(other, gold)
                for gold in item.accepted
                for other in other_readings(reply.text, extracted, gold)
            )
        return Score(float(right), extracted)

    def same(self, a: str, b: str) -> bool:
        return same(self.name, a, b)


@dataclass(frozen=True)
class LabelMetric:
    """The answer is one of `labels`, those of the whole task: exactly one must be meant, and it is right."""

    labels: tuple[str, ...] = ()
    name: str = "label"
    rule: str = "exact"  # by which votes find it, as a recipe does not know the labels
    max_tokens: int = MAX_TOKENS
    unit: Unit = "share"

    def with_labels(self, labels: tuple[str, ...]) -> Metric:
        return replace(self, labels=labels)

    def extract(self, reply: Reply) -> str | None:
        return named_answer(reply.text, self.labels)

    async def score(self, item: Item, reply: Reply) -> Score:
        if not self.labels:
            raise BadInput("the metric `label` needs the labels of the task, which are its answers; this task has none")
        extracted = named_answer(without_question(reply.text, item.input), self.labels)
        right = extracted is not None and any(self.same(extracted, gold) for gold in item.accepted)
        return Score(float(right), extracted)

    def same(self, a: str, b: str) -> bool:
        return plain(a) == plain(b)


def with_labels(metric: Metric, answers: Sequence[str]) -> Metric:
    """The metric with the labels that a task's answers are, if it has to know them."""
    if not isinstance(metric, LabelledMetric):
        return metric
    return metric.with_labels(tuple({plain(answer): answer.strip() for answer in reversed(answers)}.values())[::-1])


@dataclass(frozen=True)
class CheckMetric:
    """A task's own check, where more than one answer is right and only the task can tell. Votes count by `rule`."""

    name: str
    check: Callable[[Item, Reply], Score]
    rule: str = "exact"
    max_tokens: int = MAX_TOKENS
    unit: Unit = "share"

    def extract(self, reply: Reply) -> str | None:
        return RULES[self.rule](reply.text)

    async def score(self, item: Item, reply: Reply) -> Score:
        return self.check(item, reply)

    def same(self, a: str, b: str) -> bool:
        return same(self.rule, a, b)


@dataclass(frozen=True)
class NeedsJudge:
    """The metric of a task without answers, until it is told who judges (`measuring.judge.with_judge`)."""

    name: str = "judge"
    rule: str | None = None  # of the answers, where there are some and a judge grades all the same
    max_tokens: int = MAX_TOKENS
    unit: Unit = "grade"

    def extract(self, reply: Reply) -> str | None:
        return reply.text.strip() or None

    async def score(self, item: Item, reply: Reply) -> Score:
        raise BadInput("this task has no answers, so a judge is needed: --judge RECIPE")

    def same(self, a: str, b: str) -> bool:
        return same("exact", a, b)


def answer_rule(metric: Metric) -> str | None:
    """The name by which votes find the answers of a metric: its rule, or itself if it is registered; None for open
    texts."""
    if isinstance(metric, RuleMetric | LabelMetric | CheckMetric | NeedsJudge):
        return metric.rule
    if isinstance(metric, AskingMetric):
        return None
    return metric.name if metric.name in registry.name_origins("metrics") else None


def require_replies(metric: Metric) -> None:
    """Raises BadInput for a metric that grades no replies: what changes replies cannot be tried by it."""
    if isinstance(metric, AskingMetric):
        raise BadInput(
            f"the metric `{metric.name}` grades no replies, so nothing can be improved by it; use another rule"
        )


number, choice, exact, contains, yes_no = map(RuleMetric, ("number", "choice", "exact", "contains", "yes_no"))
json, code = RuleMetric("json"), RuleMetric("code")
judge, label = NeedsJudge(), LabelMetric()


def find_metric(name: str) -> Metric:
    """The metric of this name: built in, registered or of an installed package. Raises UnknownName."""
    metric: Metric = registry.find("metrics", name)
    return metric
