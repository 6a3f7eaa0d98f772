"""Results in notebooks and at the prompt: a heading and the table of the report (see notebook_display.py)."""

from functools import singledispatch

from markupsafe import Markup

from ..improving.improve_result import ImproveResult
from ..improving.prompt_search.search_prompts import PromptSearchSummary
from ..measuring.contamination_record import known_findings
from ..measuring.results import EvalReport, ModelResult
from .contamination_table import known_lines
from .formatting import Cell, interval, p_value, percent, signed
from .html_page import fill_template, table
from .improve.verdict_text import verdict_sentences
from .recipe_rows import RecipeRow, Table, eval_rows, final_rows, model_row, results_table, search_rows, short
from .wording import code_markup, language, plain_text, words

MAX_SEARCHED = 10  # candidates of a search without a final that are shown


def as_html(result: object) -> Markup:
    """A fragment with its own style, for a notebook's cell."""
    heading, lead, figures = _contents(result)
    values = {"heading": code_markup(heading), "lead": code_markup(lead), "table": table(figures.columns, figures.rows)}
    return fill_template("notebook.html", values)


def as_text(result: object) -> str:
    """The same in lines."""
    heading, lead, figures = _contents(result)
    lines = [list(figures.columns), *([str(cell) for cell in row] for row in figures.rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(figures.columns))]
    rows = ("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines)
    return plain_text("\n".join(filter(None, (heading, lead, *rows))))


@singledispatch
def _contents(result: object) -> tuple[str, str, Table]:
    """A heading, what it rests on, and the figures."""
    raise TypeError(f"no display is known for {type(result).__name__}")


@_contents.register
def _(report: EvalReport) -> tuple[str, str, Table]:
    metric = report.task.metric
    texts = words(language())
    heading = texts["display"]["eval"].format(task=report.task.name, n=len(report.task.items), rule=metric.name)
    findings = known_findings(report.task, [result.model for result in report.results])
    lead = texts["evaluation"]["between"].join(known_lines(report, findings, texts))
    return heading, lead, _results(eval_rows(report), judged=metric.unit == "grade")


@_contents.register
def _(result: ModelResult) -> tuple[str, str, Table]:
    return "", "", _results([model_row(result)], judged=False)


@_contents.register
def _(result: ImproveResult) -> tuple[str, str, Table]:
    heading, lead = verdict_sentences(result, language())
    rows = final_rows(result) or search_rows(result)[:MAX_SEARCHED]
    return heading, lead, _results(rows, judged=result.rule == "judge")


@_contents.register
def _(summary: PromptSearchSummary) -> tuple[str, str, Table]:
    texts, test = words(language())["display"], summary["holdout_test"]
    heading = texts["prompt_improved" if summary["verdict"] == "improved" else "prompt_nothing"]
    rows = []
    for name, key in (("start", "start"), ("best", "best_of_search")) if test else ():
        compared = name == "best" and test["difference"] is not None
        prompt = Cell(" ".join(summary[key]["text"].split()) or "–", prose=True)
        right = Cell(percent(test[name]["mean"]), interval(test[name]["ci95"]))
        difference = Cell(signed(test["difference"]), interval(test["ci95"])) if compared else Cell("")
        which = Cell(texts[f"prompt_{name}"], prose=True)
        rows.append([which, prompt, right, difference, Cell(p_value(test["p"]) if compared else "")])
    columns = tuple(texts[f"column_{name}"] for name in ("which", "prompt", "right", "difference", "p"))
    return heading, texts["prompt_use"].format(recipe=summary["recipe"]), Table(columns, rows)


def _results(rows: list[RecipeRow], *, judged: bool) -> Table:
    return results_table(rows, words(language()), lambda row: f"`{short(row.recipe)}`", judged=judged)
