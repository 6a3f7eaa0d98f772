"""What came back, and what to do, where hardly a reply was right or held an answer."""

from __future__ import annotations

from ..measuring.results import ModelResult
from ..reporting.recipe_rows import short
from ..tasks.task import Task
from .messages import in_language, localized

NEARLY_ALL = 0.9
SHOWN = 3  # replies
LONGEST = 160  # characters of each


def nothing_right(task: Task, result: ModelResult) -> list[str]:
    """The lines to print after this result; none where enough is right."""
    scored = [answer for answer in result.answers if answer.score is not None]
    right, unread = sum(bool(answer.score) for answer in scored), result.no_answer
    if task.metric.unit != "share" or not scored or (right and unread < NEARLY_ALL * len(scored)):
        return []
    rule, model = task.metric.name, short(result.model)
    key = "run.no_answers" if unread >= NEARLY_ALL * len(scored) else "run.none_right"
    lines = [localized(key, model=model, n=len(scored), unread=unread, rule=rule)]
    items = {item.id: item for item in task.items}
    wrong = {answer.text: answer for answer in reversed(scored) if not answer.score}  # the first of each text
    for answer in list(reversed(wrong.values()))[:SHOWN]:
        text = " ".join(answer.text.split())
        text = text[:LONGEST] + "…" * (len(text) > LONGEST)
        said = in_language(answer.error or "") if answer.error or not text else f"“{text}”"
        gold = items[answer.id].accepted
        lines.append(localized("run.came_back", reply=said, gold=gold[0] if gold else "—"))
    proposal = task.proposed_instruction()
    if proposal:
        return [*lines, instruction_line(proposal)]
    return [*lines, localized("run.what_to_do")]


def instruction_line(proposal: str) -> str:
    quoted = proposal.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$").replace("`", "\\`")
    return localized("run.instruction", text=f'--instruction "{quoted}"')
