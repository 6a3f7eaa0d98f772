"""An audit of a judge on planted pairs: two replies of the same content, of which neither deserves to win.

- position: one reply twice; what is decided, its place decides;
- length: the same said twice over;
- style: the same with a header, a list and bold words;
- own family: the same in the judge's own words.

As the content is equal, what wins is liked for its form, also where longer replies truly are better. Each pair is shown
in both orders, and at most one of each cluster is used, so that they are independent.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, TypeAlias

from ..contract import Model
from ..errors import EndpointUnfit
from ..prompts import catalogue, fill, language
from ..tasks.item import Item
from ..tasks.metric import Score
from ..tasks.task import Task
from .pair_figures import Tendency, tendency
from .pair_judge import JudgedPairs, PairVerdict, VerdictMetric, ask_judges, judge_pairs
from .vote_pairs import Pair

Kind: TypeAlias = Literal["position", "length", "style", "own"]
KINDS: tuple[Kind, ...] = ("position", "length", "style", "own")
CALLS_A_PAIR = 2 * len(KINDS) + 1  # both orders of each kind, and the judge's own words


@dataclass(frozen=True)
class Audit:
    """For each kind how often the planted side won where the judge decided (position: the one shown first), and in what
    share of the pairs it decided."""

    judge: str
    pairs: int
    tendencies: Mapping[Kind, Tendency]
    decided: Mapping[Kind, float]

    @property
    def doubt(self) -> float | None:
        """The most by which the form of replies may move a win rate, at the far end of the intervals: one that is no
        farther from one half may be bias alone. Position is not counted, as both orders are asked."""
        ends = [
            self.decided[kind] * max(abs(end - 0.5) for end in found.share.ci95)
            for kind, found in self.tendencies.items()
            if kind != "position" and found.share.ci95
        ]
        return max(ends, default=None)


async def audit_judge(
    pairs: Sequence[Pair],
    judge: Model,
    *,
    planted: int = 200,
    seed: int = 0,
    concurrency: int = 64,
    ledger: Path | None = None,
    on_answer: Callable[[], None] | None = None,
) -> Audit:
    """Asks the judge CALLS_A_PAIR times for each of at most `planted` replies."""
    sources = _sources(pairs, planted, seed)
    task = _rewording_task(sources, seed)
    try:
        (rewordings,) = await ask_judges(task, [judge], seed, concurrency, ledger, on_answer)
        own = {answer.id: answer.text.strip() for answer in rewordings.answers if answer.error is None}
    except EndpointUnfit:  # a judge that can only judge; what makes it unfit for that, too, comes up below
        own = {}
    all_planted = [each for kind in KINDS for source in sources if (each := _planted(source, kind, own))]
    (judged,) = await judge_pairs(
        all_planted, [judge], seed=seed, concurrency=concurrency, ledger=ledger, on_answer=on_answer
    )
    return summary(judged, len(sources))


def summary(judged: JudgedPairs, pairs: int) -> Audit:
    """Of verdicts on planted pairs, in which the planted reply is model_a's."""
    tendencies: dict[Kind, Tendency] = {}
    decided: dict[Kind, float] = {}
    for kind in KINDS:
        complete = [each for each in judged.verdicts if each.pair.model_a == kind and each.complete]
        scores = [_first(each) if kind == "position" else each.score or 0.0 for each in complete]
        if scores:
            tendencies[kind] = found = tendency(scores)
            decided[kind] = found.share.n / len(scores)
    return Audit(judged.judge, pairs, tendencies, decided)


def _first(verdict: PairVerdict) -> float:
    ab, ba = verdict.complete[0]
    return (ab + ba) / 2


def _sources(pairs: Sequence[Pair], planted: int, seed: int) -> list[Pair]:
    """Pairs whose one reply is planted, one of each cluster."""
    draw = random.Random(seed)
    by_cluster: dict[str, list[Pair]] = {}
    for pair in pairs:
        by_cluster.setdefault(pair.cluster, []).append(pair)
    chosen = [draw.choice(group) for group in by_cluster.values()]
    draw.shuffle(chosen)
    return [
        pair if draw.random() < 0.5 else replace(pair, response_a=pair.response_b)
        for pair in chosen
        if pair.response_a.strip() and pair.response_b.strip()
    ][:planted]


def _planted(source: Pair, kind: Kind, own: Mapping[str, str]) -> Pair | None:
    reply = source.response_a.strip()
    words = catalogue(language(source.prompt))["judge"]
    other = {
        "position": reply,
        "length": fill(words["said_twice"], {"reply": reply}).strip(),
        "style": _decorated(reply, words["heading"]),
        "own": own.get(source.id, ""),
    }[kind]
    if not other or (kind != "position" and other == reply):
        return None
    return Pair(f"{source.id} {kind}", source.cluster, source.prompt, kind, "plain", other, reply, source.accepted)


def _decorated(reply: str, heading: str) -> str:
    sentences = [part for part in re.split(r"(?<=[.!?])\s+|(?<=[。！？])|\n+", reply) if part and part.strip()]
    lines = [re.sub(r"^(\S{1,20})", r"**\1**", sentence.strip(), count=1) for sentence in sentences]
    return f"## {heading}\n\n" + "\n".join(f"- {line}" for line in lines)


def _rewording_task(sources: Sequence[Pair], seed: int) -> Task:
    def question(pair: Pair) -> str:
        return fill(catalogue(language(pair.prompt))["judge"]["reword"], {"reply": pair.response_a}).strip()

    items = tuple(Item(pair.id, question(pair)) for pair in sources)
    metric = VerdictMetric(lambda text: Score(1.0, text) if text.strip() else None, seed, name="rewording")
    return Task("rewording", items, metric, "the judge's own words", "planted pairs")
