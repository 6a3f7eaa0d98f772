"""The report of an `improve` run as one HTML page, in English or Chinese."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from markupsafe import Markup

from ...contract import Usage
from ...improving.improve_result import ImproveResult
from ...runtime.ledger import Ledger
from ..charts import Dot, Kind, quality_against_cost
from ..difference_chart import difference_chart
from ..formatting import count, dollars, duration, percent, signed, token_count
from ..html_page import HtmlPage, fill_template, read_template, table
from ..recipe_rows import RecipeRow, disagreement, final_rows, front, results_table, search_rows, search_table, short
from ..translation import translate
from ..wording import Language, Words, code_markup, words
from .recipe_use import recipe_use
from .transcripts import transcripts
from .verdict_text import candidate_end, note_text, recipe_label, unfinished, verdict_sentences, without_effect


def write_page(result: ImproveResult, file: Path | str, language: Language) -> None:
    """Write the report; transcripts and messages come from the run's ledger, where it is there."""
    with ExitStack() as stack:
        exists = result.ledger and Path(result.ledger).exists()
        ledger = stack.enter_context(Ledger(result.ledger)) if exists and result.ledger else None
        report_page(result, language, ledger).write(Path(file))


def report_page(result: ImproveResult, language: Language, ledger: Ledger | None) -> HtmlPage:
    texts = words(language)
    heading, lead = verdict_sentences(result, language)
    final, search = final_rows(result), search_rows(result)
    title = texts["page"]["title"].format(task=result.task)
    above = texts["page"]["above"].format(task=result.task, models=", ".join(map(short, result.models)))
    style = read_template("improve/style.css")
    page = HtmlPage(title, language, code_markup(lead), above, code_markup(heading), style)
    notes = [Markup('<p class="soft">{}</p>').format(code_markup(note_text(note, language))) for note in result.notes]
    page.add("", *notes, _tiles(result, final, texts["tile"]))
    if final:
        page.add(texts["final"]["heading"], texts["final"]["intro"].format(n=final[0].n), *_final(result, final, texts))
    else:
        page.add(texts["final"]["heading"], texts["final"]["none"])
    if any(row.n for row in search):
        intro = texts["chart"]["intro" if final else "intro_search"]
        page.add(texts["chart"]["heading"], intro, _quality_chart(result, final, search, texts["chart"]))
    page.add(texts["search"]["heading"], *_search(result, final, search, texts, language))
    if final:
        page.add(texts["transcripts"]["heading"], *transcripts(result, ledger, texts))
    page.add(texts["use"]["heading"], recipe_use(result, ledger, texts))
    page.add(texts["how"]["heading"], _how(result, texts["how"], language))
    return page


def _kind(row: RecipeRow, result: ImproveResult) -> Kind:
    """What colour it has: by the verdict, and whether it came to the final."""
    if row.recipe == result.models[0]:
        return "plain"
    if row.recipe == result.verdict.recipe:
        return "chosen"
    return "finalist" if any(row.recipe == finalist.model for finalist in result.finalists) else "searched"


def _tiles(result: ImproveResult, final: Sequence[RecipeRow], texts: dict[str, str]) -> Markup | str:
    best = next((row for row in final if row.recipe == result.verdict.recipe and row.difference is not None), None)
    if best is None or best.difference is None:
        return ""
    baseline = final[0]
    low, high = best.ci95 or (best.difference, best.difference)
    cost = ("calls", count(best.spent.calls), count(baseline.spent.calls))
    if best.spent.usd and baseline.spent.usd is not None:
        cost = ("usd", f"{1000 * best.spent.usd:.2f}", f"{1000 * baseline.spent.usd:.2f}")
    tokens = ("tokens", count(round(best.spent.tokens)), count(round(baseline.spent.tokens)))
    others = (tokens, cost, ("latency", duration(best.p50), duration(baseline.p50)))
    gain = (signed(best.difference), texts["gain"], texts["gain_note"].format(low=signed(low), high=signed(high)))
    tiles = [gain, *((figure, texts[name], texts["tokens_note"].format(plain=plain)) for name, figure, plain in others)]
    return fill_template("improve/tiles.html", {"tiles": tiles})


def _final(result: ImproveResult, rows: Sequence[RecipeRow], texts: Words) -> list[Markup]:
    def name(row: RecipeRow) -> str:
        return f"{row.number} `{recipe_label(row.recipe, result)}`"

    results = results_table(rows, texts, name, judged=result.unit == "grade")
    kinds = [_kind(row, result) for row in rows]
    chart = difference_chart([(row, f"{row.number} {recipe_label(row.recipe, result)}") for row in rows], texts)
    sections = [chart, table(results.columns, results.rows, kinds=kinds)]
    if disagreeing := disagreement(rows, texts, name):
        sections.append(Markup('<p class="soft">{}</p>').format(code_markup(disagreeing)))
    return sections


def _quality_chart(
    result: ImproveResult, final: Sequence[RecipeRow], search: Sequence[RecipeRow], texts: dict[str, str]
) -> Markup:
    """By price where every price is known and not 0, else by tokens."""
    priced = all(row.spent.usd for row in [*final, *(row for row in search if row.n)])
    finals, best = {row.recipe for row in final}, front(final)

    def dot(row: RecipeRow, labelled: bool) -> Dot:
        name, right, kind = recipe_label(row.recipe, result), row.accuracy, _kind(row, result)
        title = f"{name}: {percent(right.mean)}%, {count(round(row.spent.tokens))}"
        cost = 1000 * (row.spent.usd or 0.0) if priced else row.spent.tokens
        if not labelled:
            return Dot(cost, right.mean, title, kind)
        number = str(row.number) if final else ""
        return Dot(cost, right.mean, title, kind, name, number, right.ci95, bool(final) and row.number in best)

    searched = [row for row in search if row.n and row.recipe not in finals]
    labelled = list(final) or [row for row in searched if _kind(row, result) in ("plain", "chosen")]
    dots = [dot(row, False) for row in searched if row not in labelled] + [dot(row, True) for row in labelled]
    quality = texts["grade" if result.unit == "grade" else "right"]
    return quality_against_cost(dots, cost=texts["usd" if priced else "tokens"], quality=quality)


def _search(
    result: ImproveResult, final: Sequence[RecipeRow], search: Sequence[RecipeRow], texts: Words, language: Language
) -> list[Markup | str]:
    section, finals = texts["search"], {row.recipe: row for row in final}
    stopped = "_stopped" if unfinished(result) else ""
    calls, all_calls = count(result.search_usage.calls + result.final_usage.calls), count(result.plan.all_calls)
    sizes = {"candidates": result.plan.candidates, "items": max((row.n for row in search), default=0)}
    intro = section[f"intro{stopped}"].format(**sizes, calls=calls, all=all_calls)
    ends = [candidate_end(result, row, finals, language) for row in search]
    judged, kinds = result.unit == "grade", [_kind(row, result) for row in search]
    figures = search_table(search, texts, lambda row: f"`{recipe_label(row.recipe, result)}`", ends, judged=judged)
    folded = Markup("<details><summary>{}</summary>{}</details>")
    parts: list[Markup | str] = [
        intro,
        difference_chart([(row, recipe_label(row.recipe, result)) for row in search], texts),
    ]
    parts.append(folded.format(section["table"], table(figures.columns, figures.rows, kinds=kinds)))
    without = without_effect(search, finals)
    if without:
        names = section["comma"].join(f"`{recipe_label(row.recipe, result)}`" for row in without)
        parts += [Markup("<h3>{}</h3>").format(section["none"]), section[f"none_text{stopped}"].format(k=len(without))]
        parts += [Markup("<p>{}</p>").format(code_markup(names))]
        parts += [Markup('<p class="soft">{}</p>').format(section["none_hint"])]
    return parts


def _how(result: ImproveResult, texts: dict[str, str], language: Language) -> Markup:
    splits = result.splits
    sizes = {"search": len(splits.search), "final": len(splits.final), "examples": len(splits.examples)}
    search, final = _amount(result.search_usage, texts), _amount(result.final_usage, texts)
    spent = texts["spent_text"].format(search=search, final=final)
    if result.judging_usage.calls:
        spent += "; " + texts["judging"].format(judging=_amount(result.judging_usage, texts))
    budget = ", ".join(f"{name} {value:,g}" for name, value in result.plan.budget.items())
    rows: list[tuple[str, str]] = [
        (texts["task"], f"{translate(result.task_source, language)} (SHA-256 {result.task_sha256[:12]})"),
        (texts["rule"], f"{result.rule}: {translate(result.why_rule, language)}"),
        (texts["models"], ", ".join(map(short, result.models))),
        (texts["split"], texts["split_text"].format(**sizes)),
        (texts["detectable"], texts["detectable_text"].format(points=f"{100 * result.plan.detectable:.0f}")),
        (texts["seed"], str(result.seed)),
        (texts["budget"], budget or texts["no_budget"]),
        (texts["spent"], spent),
        *((texts.get(name, name), str(value)) for name, value in result.settings.items() if value is not None),
        (texts["version"], result.version),
    ]
    if result.ledger and result.run:
        rows.append((texts["ledger"], texts["ledger_text"].format(ledger=result.ledger, run=result.run)))
        rows.append((texts["again"], texts["again_stopped" if unfinished(result) else "again_text"]))
    notes = dict.fromkeys(translate(note, language) for finalist in result.finalists for note in finalist.notes)
    if notes:
        rows.append((texts["notes"], "; ".join(notes)))
    return fill_template("improve/how.html", {"rows": rows})


def _amount(usage: Usage, texts: dict[str, str]) -> str:
    usd = texts["unknown"] if usage.usd is None else dollars(usage.usd) if usage.usd else "US$ 0"
    tokens = token_count(usage.input_tokens + usage.output_tokens, usage.unsettled_calls)
    return texts["amount"].format(tokens=tokens, calls=count(usage.calls), usd=usd)
