"""From the answers of the final to a verdict.

The order of the finalists was fixed by the search, on other items. The recipe to use is the first in that order that
beats the plain model on the final after Holm's correction; so the figures of the final do not choose among those that
pass, and the interval of the winner keeps its promise (docs/decisions/0007-the-verdict.md).
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Literal

from ..measuring.results import ModelResult
from ..stats import PairedDifference, holm
from .improve_result import Candidate, Comparison, Verdict

ALPHA = 0.05
Stopped = Literal["interrupted", "budget"] | None


def comparisons(finalists: Sequence[ModelResult]) -> tuple[Comparison, ...]:
    """Every finalist against the first, which is the plain model, on the items that both have scored. A finalist that
    lost too many items is left out."""
    if not finalists or finalists[0].n < 2:
        return ()
    plain, *others = finalists
    conclusive = [other for other in others if not (other.inconclusive or plain.inconclusive)]
    pairs = [other.against(plain) for other in conclusive]
    corrected = holm([pair.p for pair in pairs])
    return tuple(_comparison(pair, o.model, p) for o, pair, p in zip(conclusive, pairs, corrected, strict=True))


def final_verdict(plain: str, compared: Sequence[Comparison], stopped: Stopped) -> Verdict:
    """The verdict on final items. Without any comparison nothing could be tried, and so nothing helped."""
    passed = next((c for c in compared if c.difference > 0 and c.p_holm is not None and c.p_holm < ALPHA), None)
    if stopped == "interrupted":
        best = passed or next((c for c in compared if c.difference > 0), None)
        return Verdict("interrupted", best.recipe if best else plain, best, "final" if best else None)
    return Verdict("improved", passed.recipe, passed, "final") if passed else Verdict("nothing helped", plain)


def search_verdict(plain: Candidate, order: Sequence[Candidate], stopped: Stopped) -> Verdict:
    """The best so far of a run that did not come to its final. It was chosen on the items that it is judged by."""
    kind: Literal["interrupted", "budget spent"] = "interrupted" if stopped == "interrupted" else "budget spent"
    if order and min(len(plain.scores), len(order[0].scores)) >= 2:
        pair = order[0].against(plain)
        if pair.difference > 0:  # nan where no item was scored by both
            return Verdict(kind, order[0].recipe, _comparison(pair, order[0].recipe, pair.p), "search")
    return Verdict(kind, plain.recipe)


def _comparison(pair: PairedDifference, recipe: str, corrected: float | None) -> Comparison:
    return Comparison(**asdict(pair), recipe=recipe, p_holm=corrected)
