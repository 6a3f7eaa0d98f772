"""Free texts against references: BLEU and chrF by sacrebleu, ROUGE by rouge-score.

Each item has a score of its own, so that intervals and pairs are those of any metric: BLEU is that of one sentence
(orders without a match are left out, sacrebleu's `effective_order`), and its mean is not the BLEU of the whole corpus.
Of several references the best counts. Chinese is cut into characters, by sacrebleu's `zh` and here; rouge-score's own
tokenizer drops what is not a to z, so that a Chinese text and itself have a ROUGE of 0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from ..contract import Reply
from ..errors import MissingExtra
from ..prompts import language
from .free_text import FreeText
from .item import Item
from .metric import Score

ROUGES = ("rouge1", "rouge2", "rougeL")
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+")


@dataclass(frozen=True)
class OverlapMetric(FreeText):
    """How much a reply, its thoughts apart, has in common with what is accepted. ROUGE is that of the longest common
    subsequence (F1); its parts have those of words and of pairs."""

    async def score(self, item: Item, reply: Reply) -> Score:
        """Raises MissingExtra."""
        text = self.extract(reply)
        if text is None or not item.accepted:
            return Score(0.0, text)
        parts = overlap(self.name, text, item.accepted)
        return Score(parts[self.name], text, parts if len(parts) > 1 else {})


def overlap(name: str, text: str, references: tuple[str, ...]) -> Mapping[str, float]:
    """The score `name` (bleu, chrf, rouge) from 0 to 1, and what belongs to it. Raises MissingExtra."""
    try:
        if name == "rouge":
            scores = _rouge().score_multi(list(references), text)
            return {"rouge": scores["rougeL"].fmeasure, **{each: scores[each].fmeasure for each in ROUGES}}
        score = _sacrebleu(name, language(references[0])).sentence_score(text, list(references)).score
    except ImportError:
        raise MissingExtra(f"the metric {name}", "text") from None
    return {name: min(1.0, score / 100)}  # a perfect one is 100.00000000000004


class _Words:
    """rouge-score's tokenizer for every script: as its own for English, Chinese by characters."""

    def tokenize(self, text: str) -> list[str]:
        return _WORD.findall(text.lower())


@cache
def _rouge() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(list(ROUGES), tokenizer=_Words())


@cache
def _sacrebleu(name: str, written_in: str) -> Any:
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    return CHRF() if name == "chrf" else BLEU(effective_order=True, tokenize="zh" if written_in == "zh" else "13a")


bleu, chrf, rouge = map(OverlapMetric, ("bleu", "chrf", "rouge"))
