"""The report of an evaluation as one HTML page: what each model scored, compared in pairs, what judges say, at what
price and speed, what is known of contamination, and every answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from .. import __version__
from ..measuring.contamination_record import Finding
from ..measuring.front import Front
from ..measuring.judge_report import GradeReport, PairReport
from ..measuring.results import EvalReport, ModelResult, lost_reasons
from .charts import Dot, Kind, quality_against_cost
from .contamination_table import known_lines
from .difference_chart import difference_chart
from .extraction_lines import extraction_line
from .formatting import MOST_REASONS, Cell, count, percent, signed
from .front_lines import front_lines
from .heat_map import heat_map
from .html_page import HtmlPage, fill_template, read_template, table
from .judge_table import grade_lines, grade_table, pair_lines, pair_tables
from .recipe_rows import RecipeRow, disagreement, eval_rows, front, results_table, short
from .transcript_data import transcript_view
from .translation import translate
from .wording import Language, Words, code_markup, words


@dataclass(frozen=True)
class Beside:
    """What is shown beside the scores, where there is any. `scored`: False where no rule grades the task."""

    findings: Sequence[Finding] = ()
    front: Front | None = None
    judging: PairReport | GradeReport | None = None
    scored: bool = True


def write_evaluation_page(report: EvalReport, file: Path, language: Language, beside: Beside = Beside()) -> None:
    evaluation_page(report, language, beside).write(file)


def evaluation_page(report: EvalReport, language: Language, beside: Beside = Beside()) -> HtmlPage:
    texts, rows = words(language), eval_rows(report) if beside.scored else []
    section, task = texts["evaluation"], report.task
    above = section["above"].format(task=task.name, n=f"{len(task.items):,}", rule=task.metric.name)
    lead = code_markup(_verdicts(rows, section)) if rows else ""
    title, style = section["title"].format(task=task.name), read_template("evaluation/style.css")
    page = HtmlPage(title, language, lead, above, task.name, style)
    if rows:
        page.add(section["scores"], *_scores(report, rows, texts, language))
    if beside.judging:
        page.add(section["judges"], *_judges(beside.judging, texts, language))
    if maps := [drawn for result in report.results if (drawn := _heat_map(result, texts))]:
        page.add(texts["heat_map"]["heading"], *maps)
    if len(rows) > 1:
        lines = front_lines(beside.front, texts, lambda recipe: f"`{short(recipe)}`") if beside.front else []
        chart = _cost_chart(rows, texts, judged=task.metric.unit == "grade")
        page.add(section["cost"], section["cost_intro"], chart, *map(_soft, lines))
    if known := known_lines(report, beside.findings, texts):
        page.add(section["contamination"], *map(_soft, known))
    page.add(section["answers"], transcript_view(task.items, report.results, texts))
    page.add(texts["how"]["heading"], _how(report, texts, language))
    return page


def _scores(report: EvalReport, rows: Sequence[RecipeRow], texts: Words, language: Language) -> list[Markup]:
    figures = results_table(rows, texts, _name, judged=report.task.metric.unit == "grade")
    kinds = ["plain" if row is rows[0] else "" for row in rows]
    lines = [disagreement(rows, texts, _name), *_lost(report, texts["evaluation"], language)]
    lines += [extraction_line(result, texts) for result in report.results]
    return [
        difference_chart([(row, f"{row.number} {short(row.recipe)}") for row in rows], texts),
        table(figures.columns, figures.rows, kinds=kinds),
        *(_soft(line) for line in lines if line),
    ]


def _judges(report: PairReport | GradeReport, texts: Words, language: Language) -> list[Markup]:
    """Everybody's opinion of the same items, and how far each judge may be believed."""
    if isinstance(report, PairReport):
        tables, lines = pair_tables(report, texts), pair_lines(report, texts)
    else:
        tables, lines = [grade_table(report, texts)], grade_lines(report, texts)
    drawn = [part for each in tables for part in (_soft(each.title), table(each.columns, each.rows))]
    return [*drawn, *(_soft(translate(line, language)) for line in lines)]


def _name(row: RecipeRow) -> str:
    return f"{row.number} `{short(row.recipe)}`"


def _heat_map(result: ModelResult, texts: Words) -> Markup:
    if not (cells := heat_map(result.parts())):
        return Markup("")
    columns = [texts["heat_map"]["depth"], *(f"{length:,}" for length in cells.lengths)]
    rows = [[Cell(cell) for cell in row] for row in cells.rows()]
    return _soft(texts["heat_map"]["title"].format(model=short(result.model))) + table(columns, rows)


def _soft(line: str) -> Markup:
    return Markup('<p class="soft">{}</p>').format(code_markup(line))


def _verdicts(rows: Sequence[RecipeRow], section: dict[str, str]) -> str:
    """A sentence for each model that was compared, and what the first one scored."""
    first = rows[0]
    low, high = first.accuracy.ci95 or (None, None)
    interval = section["interval"].format(low=percent(low), high=percent(high)) if low is not None else ""
    sentences = [
        section["first"].format(model=short(first.recipe), score=percent(first.accuracy.mean), interval=interval)
    ]
    for row in rows[1:]:
        if row.difference is None:
            sentences.append(section["not_compared"].format(model=short(row.recipe)))
            continue
        kind = "same" if row.no_effect or row.p is None else "better" if row.difference > 0 else "worse"
        sentences.append(section[kind].format(model=short(row.recipe), points=signed(abs(row.difference)).lstrip("+")))
    return section["between"].join(sentences)


def _cost_chart(rows: Sequence[RecipeRow], texts: Words, judged: bool) -> Markup:
    """By price where every price is known and not 0, else by tokens."""
    priced, best = all(row.spent.usd for row in rows), front(rows)
    dots = []
    for row in rows:
        cost = 1000 * (row.spent.usd or 0.0) if priced else row.spent.tokens
        title = f"{short(row.recipe)}: {percent(row.accuracy.mean)}%, {count(round(row.spent.tokens))}"
        kind: Kind = "plain" if row is rows[0] else "finalist"
        label, number = short(row.recipe), str(row.number)
        dots.append(Dot(cost, row.accuracy.mean, title, kind, label, number, row.accuracy.ci95, row.number in best))
    chart = texts["chart"]
    return quality_against_cost(
        dots, cost=chart["usd" if priced else "tokens"], quality=chart["grade" if judged else "right"]
    )


def _lost(report: EvalReport, section: dict[str, str], language: Language) -> list[str]:
    lines = []
    for result in report.results:
        for reason, times in lost_reasons(result.answers).most_common(MOST_REASONS):
            lines.append(section["lost"].format(model=short(result.model), n=times, words=translate(reason, language)))
        if why := result.inconclusive:
            lines.append(section["inconclusive"].format(model=short(result.model), why=translate(why, language)))
    return lines


def _how(report: EvalReport, texts: Words, language: Language) -> Markup:
    how, task = texts["how"], report.task
    rows = [
        (how["task"], f"{translate(task.source, language)} (SHA-256 {task.sha256[:12]})"),
        (how["rule"], f"{task.metric.name}: {translate(task.why_metric, language)}"),
        (how["seed"], str(report.seed)),
        *((how.get(name, name), str(value)) for name, value in report.settings.items() if value is not None),
        (how["version"], __version__),
    ]
    if report.run:
        rows.append((texts["evaluation"]["run"], report.run))
    notes = dict.fromkeys(translate(note, language) for result in report.results for note in result.notes)
    if notes:
        rows.append((how["notes"], "; ".join(notes)))
    return fill_template("improve/how.html", {"rows": rows})
