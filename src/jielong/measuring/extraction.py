"""Rules and their doubt: what a score would be if other extractors had read the replies.

An extractor is asked about every reply. Where it finds an answer of its kind, that answer counts; where it finds none,
the rule's own verdict stays. So the figures differ by what is read differently, and not by how often nothing is read.
"""

from collections.abc import Callable, Mapping, Sequence

from ..answers.other_extractors import mentioned_label, other_extractors
from ..answers.thoughts import without_thoughts
from ..tasks.answer_equality import chosen_letter, matches, without_question
from ..tasks.item import Item
from ..tasks.metric import LabelMetric, Metric, RuleMetric
from .results import ItemResult, OtherReading, mean_score


async def other_readings(
    metric: Metric, items: Sequence[Item], answers: Sequence[ItemResult], clusters: Sequence[str] | None
) -> tuple[OtherReading, ...]:
    """For each other extractor that could read a reply; none where the metric has no others, or tests decide."""
    readings = []
    for name, extract in _extractors(metric).items():
        read, scores = 0, list[float | None]()
        for item, answer in zip(items, answers, strict=True):
            own = answer.score
            found = None if own is None or answer.error or item.tests else _in_reach(extract(_text(item, answer)), item)
            read += found is not None
            same = found is None or found == answer.extracted
            scores.append(own if same else await _score(metric, item, found))
        if read:
            readings.append(OtherReading(name, read, mean_score(scores, clusters)))
    return tuple(readings)


def _in_reach(extracted: str | None, item: Item) -> str | None:
    """None for a letter beyond the choices of the item, and for what is none of them."""
    if extracted is None or not item.choices:
        return extracted
    letter = chosen_letter(extracted, item.choices)
    return extracted if letter and ord(letter) - ord("A") < len(item.choices) else None


def _text(item: Item, answer: ItemResult) -> str:
    return without_question(without_thoughts(answer.text) or "", item.input)


def _extractors(metric: Metric) -> Mapping[str, Callable[[str], str | None]]:
    if isinstance(metric, LabelMetric):
        return {"last_label": lambda text: mentioned_label(text, metric.labels)}
    return other_extractors(metric.name) if isinstance(metric, RuleMetric) else {}


async def _score(metric: Metric, item: Item, extracted: str | None) -> float:
    if isinstance(metric, LabelMetric):
        return float(extracted is not None and any(metric.same(extracted, gold) for gold in item.accepted))
    return float(await matches(metric.name, extracted, item.accepted, choices=item.choices))
