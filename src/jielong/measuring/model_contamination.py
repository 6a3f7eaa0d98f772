"""Whether a model has seen the items of a task: three tests, each with the class of evidence that it gives.

- *order*: the items are likelier in their own order than in others (Oren et al. 2023). Nothing but having read the
  file explains that, if the order was arbitrary when it was written; where neighbours are alike without any model,
  nothing is concluded. p is exact but for the draws: the orders of a few neighbouring items are exchangeable, each
  group of them is standardised, and the sum of the own orders is compared with sums of orders drawn from each.
- *likelihood*: Min-K%++ of the items is higher than that of other texts written in the same way (`reference`), by a
  permutation test. If the two differ in kind, so do their likelihoods, and nothing is shown.
- *completion*: told where they are from, the model continues items as they stand there, better than the reference.
  Without a reference a second half that is reproduced is a sign, and no proof.

p values are corrected for the number of tests (Holm). No sign of contamination is no proof that there is none.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ..contract import Model
from ..documents.ngrams import tokens_of
from ..errors import BadInput, JielongError
from ..prompts import catalogue, fill, language
from ..stats import Interval, holm
from ..tasks.item import Item
from ..tasks.metric import Metric
from ..tasks.task import Task
from .corpus_search import question_of
from .evaluate import compare
from .memory_metrics import CompletionMetric, MinKMetric, OrderMetric
from .results import ModelResult

ALPHA, DRAWS = 0.05, 9999
GROUP, ORDERS = 6, 11  # neighbouring items whose order is tested together, and other orders of them
ALIKE = 0.01  # p below which neighbours are alike without any model
FEWEST = 20  # items for a test
FEWEST_TOKENS = 12  # of an item that is cut in two


@dataclass(frozen=True)
class Evidence:
    """One test. `figure` with `ci95`: order, the mean share of other orders that are less likely (.5 if nothing is
    remembered); likelihood and completion, the probability that an item scores above a reference text (.5), and of a
    completion without reference the share of second halves that are reproduced. `p` is one-sided; `why`: nothing is
    concluded, and why; `reproduced`: second halves of which 13 tokens in a row came."""

    test: str
    n: int
    figure: float | None = None
    ci95: Interval | None = None
    p: float | None = None
    why: str | None = None
    reproduced: int | None = None
    p_holm: float | None = None

    @property
    def significant(self) -> bool:
        return self.p_holm is not None and self.p_holm < ALPHA


@dataclass(frozen=True)
class ModelSearch:
    task: Task
    model: str
    evidence: tuple[Evidence, ...]

    @property
    def contaminated(self) -> bool | None:
        """None where no test could be made."""
        if all(each.p is None for each in self.evidence):
            return None
        return any(each.significant for each in self.evidence)

    def to_json(self) -> dict[str, Any]:
        return {
            "task": self.task.name, "task_sha256": self.task.sha256, "model": self.model,
            "contaminated": self.contaminated, "evidence": [vars(each) for each in self.evidence],
        }  # fmt: skip


async def search_model(
    task: Task, model: Model, reference: Task | None = None, *, seed: int = 0,
    on_answer: Callable[[], None] | None = None,
) -> ModelSearch:  # fmt: skip
    """`reference`: items written as those of the task, which the model cannot have seen. Raises BadInput."""
    if len(task.items) < FEWEST:
        raise BadInput(
            f"{task.name}: {len(task.items)} items; at least {FEWEST} are needed to see what a model remembers"
        )
    base = model.base
    tests = [("order", _order_test), ("likelihood", _likelihood_test), ("completion", _completion_test)]
    evidence = []
    for name, test in tests:
        try:
            evidence.append(await test(_Asking(task, base, seed, on_answer), reference))
        except JielongError as error:
            evidence.append(Evidence(name, 0, why=str(error)))
    corrected = holm([each.p for each in evidence])
    return ModelSearch(task, base.name, tuple(replace(e, p_holm=p) for e, p in zip(evidence, corrected, strict=True)))


@dataclass(frozen=True)
class _Asking:
    task: Task
    model: Model
    seed: int
    on_answer: Callable[[], None] | None

    async def ask(self, name: str, items: Sequence[Item], metric: Metric) -> ModelResult:
        """Raises BadInput where too many items were lost to conclude anything."""
        task = replace(self.task, name=f"{self.task.name} ({name})", items=tuple(items), metric=metric)
        report = await compare(task, [self.model], seed=self.seed, on_answer=self.on_answer)
        if why := report.results[0].inconclusive:
            raise BadInput(why)
        return report.results[0]


def item_text(item: Item) -> str:
    """The question with its choices and its first answer, as benchmarks are written."""
    return "\n".join([question_of(item), *item.choices, *item.accepted[:1]])


# ---- order ----


async def _order_test(asking: _Asking, reference: Task | None) -> Evidence:
    texts = [item_text(item) for item in asking.task.items]
    groups = [texts[i : i + GROUP] for i in range(0, len(texts) - GROUP + 1, GROUP)]
    if neighbours_alike(groups, asking.seed) < ALIKE:
        why = "neighbouring items are alike (sorted, or by subject), which a model sees that never read the file"
        return Evidence("order", len(texts), why=why)
    items = [Item(f"{GROUP * i + 1} to {GROUP * (i + 1)}", "", context=tuple(g)) for i, g in enumerate(groups)]
    result = await asking.ask("order", items, OrderMetric(ORDERS))
    values = [_totals(answer.text) for answer in result.answers if answer.score is not None]
    return order_evidence(values, asking.seed)


def _totals(text: str) -> list[float]:
    return [float(value) for value in text.split()]


def order_evidence(values: Sequence[Sequence[float]], seed: int) -> Evidence:
    """`values`: for each group of items the log-likelihood of their own order, and then of others."""
    rng = np.random.default_rng(seed)
    statistic, draws, shares = 0.0, np.zeros(DRAWS), []
    for group in values:
        array = np.array(group)
        standard = (array - array.mean()) / max(float(array.std()), 1e-12)
        statistic += float(standard[0])
        draws += rng.choice(standard, DRAWS)
        shares.append(float(np.mean(array[1:] < array[0])))
    p = (1 + int(np.sum(draws >= statistic - 1e-9))) / (DRAWS + 1)
    half = 1.96 * float(np.std(shares, ddof=1)) / math.sqrt(len(shares)) if len(shares) > 1 else math.nan
    figure = float(np.mean(shares))
    return Evidence("order", len(values), figure, (max(0.0, figure - half), min(1.0, figure + half)), p)


def neighbours_alike(groups: Sequence[Sequence[str]], seed: int) -> float:
    """The p of neighbours having more words in common, or lengths closer together, than others of their group have:
    that of the one or of the other, whichever is smaller, times two."""
    rng, draws = random.Random(seed), 999
    counts = [1, 1]
    tables = [_likeness(group) for group in groups]
    own = [sum(_along(table[kind], range(len(table[kind]))) for table in tables) for kind in (0, 1)]
    for _ in range(draws):
        orders = [rng.sample(range(len(table[0])), len(table[0])) for table in tables]
        for kind in (0, 1):
            drawn = sum(_along(table[kind], order) for table, order in zip(tables, orders, strict=True))
            counts[kind] += drawn >= own[kind] - 1e-9
    return min(1.0, 2 * min(counts) / (draws + 1))


def _along(table: Sequence[Sequence[float]], order: Sequence[int]) -> float:
    return sum(table[a][b] for a, b in pairwise(order))


def _likeness(texts: Sequence[str]) -> tuple[list[list[float]], list[list[float]]]:
    """Of each two texts: the share of common tokens (Jaccard), and how close their lengths are."""
    lists = [tokens_of(text) for text in texts]
    sets = [{tokens.span(i, i + 1) for i in range(len(tokens))} for tokens in lists]
    common = [[len(a & b) / max(1, len(a | b)) for b in sets] for a in sets]
    close = [[-abs(math.log((len(a) + 1) / (len(b) + 1))) for b in lists] for a in lists]
    return common, close


# ---- likelihood ----


async def _likelihood_test(asking: _Asking, reference: Task | None) -> Evidence:
    if reference is None:
        why = "it needs texts written in the same way that the model cannot have seen (--reference FILE)"
        return Evidence("likelihood", 0, why=why)
    if len(reference.items) < FEWEST:
        raise BadInput(f"{reference.name}: {len(reference.items)} items; at least {FEWEST} are needed")
    pair = []
    for name, task in (("likelihood", asking.task), ("likelihood of the reference", reference)):
        items = [Item(item.id, item_text(item)) for item in task.items]
        result = await asking.ask(name, items, MinKMetric())
        pair.append(_scores(result))
    return familiarity_evidence("likelihood", pair[0], pair[1], asking.seed)


def familiarity_evidence(test: str, items: Sequence[float], reference: Sequence[float], seed: int) -> Evidence:
    """The probability that an item scores above a reference text, with DeLong's interval on the logit scale, and the p
    of the permutation test of the sum of ranks."""
    a, b = np.array(items), np.array(reference)
    wins = (a[:, None] > b[None, :]) + 0.5 * (a[:, None] == b[None, :])
    area = float(wins.mean())
    variance = float(wins.mean(1).var(ddof=1) / len(a) + wins.mean(0).var(ddof=1) / len(b))
    ci95 = None
    if 0 < area < 1 and variance > 0:
        logit, half = math.log(area / (1 - area)), 1.96 * math.sqrt(variance) / (area * (1 - area))
        ci95 = (1 / (1 + math.exp(half - logit)), 1 / (1 + math.exp(-half - logit)))
    _, place, counts = np.unique(np.concatenate([a, b]), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]  # equal ones share theirs
    rng, own = np.random.default_rng(seed), float(ranks[: len(a)].sum())
    at_once = np.tile(ranks, (DRAWS // 9, 1))
    drawn = sum(int(np.sum(rng.permuted(at_once, axis=1)[:, : len(a)].sum(1) >= own)) for _ in range(9))
    return Evidence(test, len(a), area, ci95, (1 + drawn) / (DRAWS + 1))


# ---- completion ----


async def _completion_test(asking: _Asking, reference: Task | None) -> Evidence:
    parts = []
    for name, task in (("completion", asking.task), ("completion of the reference", reference)):
        items = [halves for item in task.items if (halves := _halves(item, asking.task.name))] if task else []
        if task and len(items) < FEWEST:
            why = f"{task.name}: {len(items)} items are long enough to be cut in two; at least {FEWEST} are needed"
            return Evidence("completion", len(items), why=why)
        parts.append(await asking.ask(name, items, CompletionMetric()) if task else None)
    result, other = parts
    assert result
    share = result.parts()["reproduced"]
    reproduced = round(share.mean * share.n)
    if other is None:
        return Evidence("completion", share.n, share.mean, share.ci95, reproduced=reproduced)
    compared = familiarity_evidence("completion", _scores(result), _scores(other), asking.seed)
    return replace(compared, reproduced=reproduced)


def _scores(result: ModelResult) -> list[float]:
    return [score for score in result.scores if score is not None]


def _halves(item: Item, source: str) -> Item | None:
    """The first half of its question in an instruction as the input, the second as the answer."""
    question = question_of(item)
    tokens = tokens_of(question)
    if len(tokens) < FEWEST_TOKENS or tokens.text != question:
        return None
    cut = int(tokens.places[len(tokens) // 2])
    words = catalogue(language(question))["contamination"]
    prompt = fill(words["guided"], {"source": Path(source).stem, "begun": question[:cut].rstrip()})
    return Item(item.id, prompt, accepted=(question[cut:],))
