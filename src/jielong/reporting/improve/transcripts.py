"""The items on which methods disagree, folded, each with what happened inside; as many as a page can hold."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from ...contract import Usage
from ...improving.improve_result import ImproveResult
from ...runtime.ledger import Ledger
from ..formatting import count
from ..html_page import fill_template
from .messages_sent import LONGEST, Call, Disagreement, disagreements, inside
from .results_table import short
from .wording import Words, sentences

MOST = 12
ROOM = 500_000  # bytes that all of them may take


def transcripts(outcome: ImproveResult, ledger: Ledger | None, w: Words) -> list[Markup | str]:
    said = w["talk"]
    talks, n = disagreements(outcome), len(outcome.finalists[0].answers)
    if not talks:
        return [said["none"]]
    drawn: list[Markup] = []
    room = ROOM
    for talk in talks[:MOST]:
        one = _drawn(outcome, talk, ledger, said)
        room -= len(one.encode())
        if room < 0:
            break
        drawn.append(one)
    shown = "" if len(talks) == len(drawn) else said["shown"].format(m=len(drawn))
    parts: list[Markup | str] = [sentences(said["intro"].format(k=len(talks), n=n), shown)]
    if room < 0:
        drawn.append(Markup('<p class="soft">{}</p>').format(said["rest"]))
    return [*parts, *drawn]


def _mark(score: float | None, best: float, outcome: ImproveResult) -> str:
    if score is None:
        return "–"
    return f"{10 * score:.1f}" if outcome.rule == "judge" else "✓" if score == best else "✗"


def _drawn(outcome: ImproveResult, talk: Disagreement, ledger: Ledger | None, said: dict[str, str]) -> Markup:
    best = max(answer.score for answer in talk.answers if answer.score is not None)
    answers = [
        {
            "number": i,
            "name": Markup("<code>{}</code>").format(short(result.model)),
            "good": answer.score == best,
            "mark": _mark(answer.score, best, outcome),
            "extracted": _cut(answer.extracted or "", said, 80),
            "text": _cut(answer.text, said),
            "error": _cut(answer.error or "", said),
            "tree": _tree(inside(answer.steps, ledger), said),
            "inside": _spent(answer.usage, said),
        }
        for i, (result, answer) in enumerate(zip(outcome.finalists, talk.answers, strict=True), 1)
    ]
    question, accepted = talk.question.text, talk.question.accepted[:3]
    values = {
        "answers": answers,
        "line": _line(question),
        "question": _cut(question, said),
        "accepted": said["accepted"].format(answers=" · ".join(accepted)) if accepted else "",
        "w": said,
    }
    return fill_template("improve/talk.html", values)


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 160 else line[:160] + "…"


def _tree(calls: Sequence[Call], said: dict[str, str]) -> list[dict[str, object]]:
    return [
        {
            "name": short(call.name),
            "spent": f"{count(call.usage.input_tokens)} → {count(call.usage.output_tokens)}",
            "sent": _cut(call.sent, said),
            "came": _cut(call.came, said),
            "steps": _tree(call.steps, said),
        }
        for call in calls
    ]


def _spent(usage: Usage, said: dict[str, str]) -> str:
    figures = {"calls": usage.calls, "input": count(usage.input_tokens), "output": count(usage.output_tokens)}
    return said["one_inside" if usage.calls == 1 else "inside"].format(**figures)


def _cut(text: str, said: dict[str, str], longest: int = LONGEST) -> str:
    return text if len(text) <= longest else text[:longest] + said["cut"].format(n=f"{len(text) - longest:,}")
