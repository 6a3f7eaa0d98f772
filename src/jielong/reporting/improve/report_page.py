"""The report of an `improve` run as one HTML page: no script, no request to anywhere, in English or Chinese."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ...improving.improve_result import ImproveResult
from ...runtime.ledger import Ledger
from ..formatting import count, duration, interval, p_value, percent, signed
from ..html_page import HtmlPage, Language, fill_template, read_template
from .charts import Dot, quality_against_cost, shared_axis, track, whisker
from .how_to_use import how, use
from .results_table import RecipeRow, cost, final_rows, front, search_rows, short, steps_of
from .search_history import became, left_at, unfinished, without_effect
from .transcripts import transcripts
from .wording import Words, coded, recipe_label, unbroken, verdict_sentences, words


def write_page(outcome: ImproveResult, file: Path | str, language: Language) -> None:
    """Write the report; transcripts and messages come from the run's ledger, where it is there."""
    with ExitStack() as stack:
        there = outcome.ledger and Path(outcome.ledger).exists()
        ledger = stack.enter_context(Ledger(outcome.ledger)) if there and outcome.ledger else None
        page(outcome, language, ledger).write(Path(file))


def page(outcome: ImproveResult, language: Language, ledger: Ledger | None) -> HtmlPage:
    w = unbroken(words(language))
    heading, lead = verdict_sentences(outcome, language)
    final, search = final_rows(outcome), search_rows(outcome)
    judged = outcome.rule == "judge"
    made = HtmlPage(
        w["page"]["title"].format(task=outcome.task),
        language,
        coded(lead),
        w["page"]["above"].format(task=outcome.task, models=", ".join(map(short, outcome.models))),
        coded(heading),
        read_template("improve/style.css"),
    )
    notes = [Markup('<p class="soft">{}</p>').format(w["note"][n.key].format(**n.values)) for n in outcome.notes]
    made.add("", *notes, _tiles(outcome, final, w))
    if final:
        made.add(w["final"]["heading"], w["final"]["intro"].format(n=final[0].n), _results(outcome, final, w, judged))
    else:
        made.add(w["final"]["heading"], w["final"]["none"])
    if any(row.n for row in search):
        intro = w["chart"]["intro" if final else "intro_search"]
        made.add(w["chart"]["heading"], intro, _chart(outcome, final, search, w, judged))
    made.add(w["race"]["heading"], *_race(outcome, final, search, w, judged))
    if final:
        made.add(w["talk"]["heading"], *transcripts(outcome, ledger, w))
    made.add(w["use"]["heading"], use(outcome, ledger, w))
    made.add(w["how"]["heading"], how(outcome, w))
    return made


def named(recipe: str, models: Sequence[str]) -> Markup:
    """A recipe as code, its model faint before its steps."""
    steps = steps_of(recipe, models)
    if not steps or steps == recipe:
        return Markup("<code>{}</code>").format(short(recipe))
    model = recipe.removesuffix(steps)
    return Markup('<code><span class="base">{}</span>{}</code>').format(model, short(steps))


def _kind(row: RecipeRow, outcome: ImproveResult) -> str:
    """What colour it has: by the verdict, and whether it came to the final."""
    if row.recipe == outcome.models[0]:
        return "plain"
    if row.recipe == outcome.verdict.recipe:
        return "chosen"
    return "finalist" if any(row.recipe == result.model for result in outcome.finalists) else "searched"


def _tiles(outcome: ImproveResult, final: Sequence[RecipeRow], w: Words) -> Markup | str:
    said = w["tile"]
    best = next((row for row in final if row.recipe == outcome.verdict.recipe and row.difference is not None), None)
    if best is None or best.difference is None:
        return ""
    plain = final[0]
    low, high = best.ci95 or (best.difference, best.difference)
    tiles = [
        {
            "figure": signed(best.difference),
            "what": said["gain"],
            "note": said["gain_note"].format(low=signed(low), high=signed(high)),
            "good": True,
        },
        _tile(said, "tokens", count(round(cost(best))), count(round(cost(plain)))),
        _tile(said, "latency", duration(best.p50), duration(plain.p50)),
    ]
    if best.usd and plain.usd is not None:
        tiles.insert(2, _tile(said, "usd", f"{1000 * best.usd:.2f}", f"{1000 * plain.usd:.2f}"))
    else:
        tiles.insert(2, _tile(said, "calls", count(best.calls), count(plain.calls)))
    return fill_template("improve/tiles.html", {"tiles": tiles})


def _tile(said: dict[str, str], name: str, figure: str, plain: str) -> dict[str, Any]:
    return {"figure": figure, "what": said[name], "note": said["tokens_note"].format(plain=plain), "good": False}


def _results(outcome: ImproveResult, rows: Sequence[RecipeRow], w: Words, judged: bool) -> Markup:
    axis = shared_axis([row.ci95 for row in rows if row.ci95])
    drawn = [
        {
            "number": row.number,
            "kind": _kind(row, outcome),
            "name": named(row.recipe, outcome.models),
            "tag": w["race"]["no_effect"] if row.no_effect else "",
            "accuracy": percent(row.accuracy.mean),
            "interval": interval(row.accuracy.ci95),
            "whisker": _whisker(row, axis),
            "difference": "" if row.difference is None else signed(row.difference),
            "within": interval(row.ci95),
            "p": "" if row.p_holm is None else p_value(row.p_holm),
            "input": count(round(row.input_tokens)),
            "output": count(round(row.output_tokens)),
            "added_input": _added(row.added_input),
            "added_output": _added(row.added_output),
            "calls": count(row.calls),
            "usd": "?" if row.usd is None else f"{1000 * row.usd:.2f}" if row.usd else "0",
            "lost": row.lost,
            "p50": duration(row.p50),
            "p95": duration(row.p95),
        }
        for row in rows
    ]
    return fill_template("improve/results.html", {"rows": drawn, "w": w["column"], "judged": judged})


def _added(tokens: float | None) -> str:
    return "" if tokens is None else f"{round(tokens):+,}"


def _whisker(row: RecipeRow, axis: tuple[float, float]) -> Markup | str:
    if row.difference is None or row.ci95 is None:
        return ""
    kind = "none" if row.no_effect else "better" if row.difference > 0 else "worse"
    return whisker(row.ci95[0], row.difference, row.ci95[1], axis, kind)


def _chart(
    outcome: ImproveResult, final: Sequence[RecipeRow], search: Sequence[RecipeRow], w: Words, judged: bool
) -> Markup:
    """By price where every price is known and not 0, else by tokens."""
    priced = all(row.usd for row in [*final, *(row for row in search if row.n)])
    best = front(final)
    reached = {row.recipe for row in final}

    def dot(row: RecipeRow, named: bool) -> Dot:
        name = recipe_label(row.recipe, outcome)
        price = 1000 * (row.usd or 0.0) if priced else cost(row)
        title = f"{name}: {percent(row.accuracy.mean)} %, {count(round(cost(row)))}"
        kind = _kind(row, outcome)
        number = str(row.number) if named and final else ""
        ci95 = row.accuracy.ci95 if named else None
        kind = "other" if kind in ("finalist", "searched") else kind
        on_front = bool(number) and row.number in best
        return Dot(price, row.accuracy.mean, ci95, number, name if named else "", title, kind, on_front)

    of_search = [row for row in search if row.n and row.recipe not in reached]
    without_final = [] if final else [row for row in of_search if _kind(row, outcome) in ("plain", "chosen")]
    dots = [dot(row, False) for row in of_search if row not in without_final]
    dots += [dot(row, True) for row in (*final, *without_final)]
    said = w["chart"]
    return quality_against_cost(
        dots, said["usd" if priced else "tokens"], said["grade" if judged else "right"], said["front"]
    )


def _race(
    outcome: ImproveResult, final: Sequence[RecipeRow], search: Sequence[RecipeRow], w: Words, judged: bool
) -> list[Markup | str]:
    said = w["race"]
    most = max((row.n for row in search), default=0)
    axis = shared_axis([row.ci95 for row in search if row.ci95])
    reached = {row.recipe: row for row in final}
    drawn = [
        {
            "kind": _kind(row, outcome),
            "name": named(row.recipe, outcome.models),
            "n": row.n,
            "track": track(row.n, most, left_at(search), _kind(row, outcome)),
            "accuracy": percent(row.accuracy.mean) if row.n else "",
            "whisker": _whisker(row, axis),
            "difference": "" if row.difference is None else signed(row.difference),
            "within": interval(row.ci95),
            "became": coded(became(outcome, row, reached, said)),
            "tag": said["no_effect"] if (reached.get(row.recipe) or row).no_effect else "",
        }
        for row in search
    ]
    figures = {
        "candidates": outcome.plan.candidates,
        "items": most,
        "calls": count(outcome.search_usage.calls + outcome.final_usage.calls),
        "all": count(outcome.plan.all_calls),
    }
    stopped = "_stopped" if unfinished(outcome) else ""
    parts: list[Markup | str] = [said[f"intro{stopped}"].format(**figures)]
    parts.append(fill_template("improve/race.html", {"rows": drawn, "w": w["column"], "judged": judged}))
    without = without_effect(search, reached)
    if without:
        listed = Markup(said["comma"]).join(
            Markup("<code>{}</code>").format(recipe_label(row.recipe, outcome)) for row in without
        )
        parts.append(Markup("<h3>{}</h3>").format(said["none"]))
        parts += [said[f"none_text{stopped}"].format(k=len(without)), Markup("<p>{}</p>").format(listed)]
        parts.append(Markup('<p class="soft">{}</p>').format(said["none_hint"]))
    return parts
