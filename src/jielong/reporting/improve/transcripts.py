"""The items on which recipes disagree, folded, each with what happened inside; as many as a page can hold."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from markupsafe import Markup

from ...contract import Step, Usage
from ...improving.improve_result import ImproveResult, Question
from ...measuring.results import ItemResult
from ...runtime.ledger import Ledger
from ..formatting import token_count
from ..html_page import fill_template
from ..recipe_rows import short
from ..wording import Words, sentences

MAX_SHOWN = 12
MAX_BYTES = 500_000  # of all transcripts together
MAX_TEXT = 1_500  # characters of one text; whole texts are in outcome.json and the ledger
DIFFER = 0.3  # two grades that are further apart disagree


@dataclass(frozen=True)
class Disagreement:
    """One item, and what each finalist made of it, in their order."""

    question: Question
    answers: tuple[ItemResult, ...]


def transcripts(result: ImproveResult, ledger: Ledger | None, words: Words) -> list[Markup | str]:
    texts = words["transcripts"]
    items, n = disagreements(result), len(result.finalists[0].answers)
    if not items:
        return [texts["none"]]
    pages: list[Markup] = []
    room = MAX_BYTES
    for item in items[:MAX_SHOWN]:
        page = _transcript(result, item, ledger, texts)
        room -= len(page.encode())
        if room < 0:
            break
        pages.append(page)
    selection = "" if len(items) == len(pages) else texts["shown"].format(m=len(pages))
    rest = [Markup('<p class="soft">{}</p>').format(texts["rest"])] if room < 0 else []
    return [sentences(texts["intro"].format(k=len(items), n=n), selection), *pages, *rest]


def disagreements(result: ImproveResult) -> list[Disagreement]:
    """The items on which scores differ: in turn those that the recommended recipe gained and lost against the baseline,
    the clearest first, then the others."""
    questions = {question.id: question for question in result.questions}
    items = [
        Disagreement(questions[answers[0].id], answers)
        for answers in zip(*(finalist.answers for finalist in result.finalists), strict=True)
        if max(scores := scores_of(answers)) - min(scores) > DIFFER
    ]
    names = [finalist.model for finalist in result.finalists]
    recommended = names.index(result.verdict.recipe) if result.verdict.recipe in names else 0
    best = recommended or min(1, len(names) - 1)

    def gain(item: Disagreement) -> float:
        chosen, baseline = item.answers[best].score, item.answers[0].score
        return 0.0 if chosen is None or baseline is None else chosen - baseline

    gained = sorted((item for item in items if gain(item) > DIFFER), key=gain, reverse=True)
    lost = sorted((item for item in items if gain(item) < -DIFFER), key=gain)
    return [*_in_turn(gained, lost), *(item for item in items if abs(gain(item)) <= DIFFER)]


def scores_of(answers: Sequence[ItemResult]) -> list[float]:
    """Of those that were not lost; 0.0 alone where all were."""
    return [answer.score for answer in answers if answer.score is not None] or [0.0]


def _in_turn(gained: Sequence[Disagreement], lost: Sequence[Disagreement]) -> Iterator[Disagreement]:
    """Two that were gained, one that was lost, and so on."""
    more, less = iter(gained), iter(lost)
    for i in range(3 * max(len(gained), len(lost)) + 3):
        yield from islice(less if i % 3 == 2 else more, 1)


def _transcript(result: ImproveResult, item: Disagreement, ledger: Ledger | None, texts: dict[str, str]) -> Markup:
    best = max(scores_of(item.answers))
    answers = []
    for i, (finalist, answer) in enumerate(zip(result.finalists, item.answers, strict=True), 1):
        mark = _mark(answer.score, best, result.unit == "grade")
        grade = {"number": i, "name": short(finalist.model), "good": answer.score == best, "mark": mark}
        text = cut(answer.text or answer.error or texts["no_text"], texts)
        reply = {"extracted": cut(answer.extracted or "", texts, 80), "text": text}
        calls, inside = _calls(answer.steps, ledger, texts), _inside(answer.usage, texts)
        answers.append({**grade, **reply, "calls": calls, "inside": inside})
    question, accepted = item.question.text, item.question.accepted[:3]
    line = " ".join(question.split())
    values = {
        "answers": answers,
        "line": line if len(line) <= 160 else line[:160] + "…",
        "question": cut(question, texts),
        "accepted": texts["accepted"].format(answers=" · ".join(accepted)) if accepted else "",
        "sent": texts["sent"],
    }
    return fill_template("improve/transcript.html", values)


def _mark(score: float | None, best: float, judged: bool) -> str:
    if score is None:
        return "–"
    return f"{10 * score:.1f}" if judged else "✓" if score == best else "✗"


def _calls(steps: Sequence[Step], ledger: Ledger | None, texts: dict[str, str]) -> list[dict[str, Any]]:
    """The tree beneath an answer, with what was sent and replied where the ledger is at hand."""
    calls = []
    for step in steps:
        row = ledger.reply(step.call) if ledger and step.call else None
        sent = text_of(row.request["messages"][-1]["content"]) if row else ""
        reply = text_of(row.reply["message"]["content"]) if row and row.reply else ""
        tokens = " → ".join(_tokens(step.usage))
        call = {"name": short(step.name), "tokens": tokens, "sent": cut(sent, texts), "reply": cut(reply, texts)}
        calls.append({**call, "calls": _calls(step.steps, ledger, texts)})
    return calls


def _inside(usage: Usage, texts: dict[str, str]) -> str:
    form = texts["inside_one" if usage.calls == 1 else "inside"]
    input_tokens, output_tokens = _tokens(usage)
    return form.format(calls=usage.calls, input=input_tokens, output=output_tokens)


def _tokens(usage: Usage) -> tuple[str, str]:
    untold = usage.unsettled_calls
    return token_count(usage.input_tokens, untold), token_count(usage.output_tokens, untold)


def text_of(content: Any) -> str:
    """The text of a message's content in the ledger."""
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def cut(text: str, texts: dict[str, str], longest: int = MAX_TEXT) -> str:
    return text if len(text) <= longest else text[:longest] + texts["cut"].format(n=f"{len(text) - longest:,}")
