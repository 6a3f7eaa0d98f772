"""`--show wrong` and `--show unread`: the texts of the replies that are behind a figure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from ..measuring.results import EvalReport, ItemResult
from ..reporting.recipe_rows import short
from .messages import in_language, localized

LONGEST_QUESTION = 600  # characters; replies are shown whole
SHOWN: Mapping[str, Callable[[ItemResult], bool]] = {
    "wrong": lambda answer: answer.score is not None and answer.score < 0.5,
    "unread": lambda answer: answer.score is not None and answer.extracted is None,
}


def shown_replies(report: EvalReport, which: str) -> Iterator[str]:
    """The lines to print: each such reply with its question, what was expected and what was read."""
    items = {item.id: item for item in report.task.items}
    for result in report.results:
        chosen = [answer for answer in result.answers if SHOWN[which](answer)]
        yield localized(f"run.show_{which}", model=short(result.model), n=len(chosen), of=len(result.answers))
        for answer in chosen:
            item = items[answer.id]
            question = item.request().messages[-1].text
            ends = question[: LONGEST_QUESTION // 2], question[-LONGEST_QUESTION // 2 :]
            cut = question if len(question) <= LONGEST_QUESTION else " … ".join(ends)
            expected, extracted = " | ".join(item.accepted) or "—", answer.extracted or in_language(answer.error or "—")
            yield f"\n── {answer.id}\n{cut}\n"
            yield localized("run.show_reply", expected=expected, extracted=extracted)
            yield answer.text
