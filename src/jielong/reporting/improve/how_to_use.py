"""The end of the report: how to use the recipe, here and elsewhere, and how the figures came about."""

from __future__ import annotations

from markupsafe import Markup

from ...contract import Usage
from ...improving.improve_result import ImproveResult
from ...runtime.ledger import Ledger
from ..formatting import count, dollars
from ..html_page import fill_template
from .messages_sent import LONGEST, example, messages
from .recipe_as_code import as_command, as_python, explained
from .results_table import short
from .search_history import unfinished
from .wording import Words


def use(outcome: ImproveResult, ledger: Ledger | None, w: Words) -> Markup:
    said, recipe = w["use"], outcome.verdict.recipe
    shown = example(outcome)
    question = shown[0].text if shown and len(shown[0].text) <= LONGEST else "…"
    sent = None
    if shown and ledger:
        found = messages(shown[1], ledger)
        sent = [
            {
                "body": each.body,
                "came": each.came or w["talk"]["nothing_said"],
                "above": " · ".join(
                    [said["call"].format(i=i, k=len(found))] * (len(found) > 1)
                    + [said["times"].format(n=each.times)] * (each.times > 1)
                ),
            }
            for i, each in enumerate(found, 1)
        ]
    values = {
        "recipe": recipe,
        "command": as_command(recipe, question),
        "python": as_python(recipe, question),
        "steps": explained(recipe),
        "asked": shown is not None,
        "messages": sent or None,
        "came": w["talk"]["came"],
        "w": said,
    }
    return fill_template("improve/use.html", values)


def how(outcome: ImproveResult, w: Words) -> Markup:
    said, splits = w["how"], outcome.splits
    figures = {"search": len(splits.search), "final": len(splits.final), "examples": len(splits.examples)}
    spent = said["spent_text"].format(
        search=_amount(outcome.search_usage, said), final=_amount(outcome.final_usage, said)
    )
    if outcome.judging_usage.calls:
        spent += "; " + said["judging"].format(judging=_amount(outcome.judging_usage, said))
    budget = ", ".join(f"{name} {value:,g}" for name, value in outcome.plan.budget.items())
    rows: list[tuple[str, str]] = [
        (said["task"], f"{outcome.task_source} (SHA-256 {outcome.task_sha256[:12]})"),
        (said["rule"], f"{outcome.rule}: {outcome.why_rule}"),
        (said["models"], ", ".join(map(short, outcome.models))),
        (said["split"], said["split_text"].format(clusters="", **figures)),
        (said["detectable"], said["detectable_text"].format(points=f"{100 * outcome.plan.detectable:.0f}")),
        (said["seed"], str(outcome.seed)),
        (said["budget"], budget or said["no_budget"]),
        (said["spent"], spent),
        *((said.get(name, name), str(value)) for name, value in outcome.settings.items() if value is not None),
        (said["version"], outcome.version),
    ]
    if outcome.ledger and outcome.run:
        rows.append((said["ledger"], said["ledger_text"].format(ledger=outcome.ledger, run=outcome.run)))
        rows.append((said["again"], said["again_stopped" if unfinished(outcome) else "again_text"]))
    notes = dict.fromkeys(note for result in outcome.finalists for note in result.notes)
    if notes:
        rows.append((said["notes"], "; ".join(notes)))
    return fill_template("improve/how.html", {"rows": rows})


def _amount(usage: Usage, said: dict[str, str]) -> str:
    usd = said["unknown"] if usage.usd is None else dollars(usage.usd) if usage.usd else "US$ 0"
    return said["amount"].format(
        tokens=count(usage.input_tokens + usage.output_tokens), calls=count(usage.calls), usd=usd
    )
