"""What `improve` found: the tables and the verdict in the terminal, and the files in its folder."""

from __future__ import annotations

import json
from pathlib import Path

from ..atomic_write import write_whole
from ..improving.improve_result import ImproveResult, Note
from ..reporting.formatting import count, duration, interval, p_value, percent, print_table, signed
from ..reporting.improve.report_page import write_page
from ..reporting.improve.results_table import RecipeRow, final_rows, search_rows, short
from ..reporting.improve.search_history import became, unfinished, without_effect
from ..reporting.improve.wording import plainly, recipe_label, verdict_sentences, words
from .messages import language, localized, price

PAGE = "report.html"


def write_outcome(outcome: ImproveResult, folder: Path) -> Path:
    """`outcome.json`, all that the run knows, and the report that is made of it; the path of the report."""
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "outcome.json", json.dumps(outcome.to_json(), ensure_ascii=False) + "\n")
    write_page(outcome, folder / PAGE, language())
    return folder / PAGE


def print_outcome(outcome: ImproveResult) -> None:
    final, search = final_rows(outcome), search_rows(outcome)
    said = words(language())
    if final:
        title = localized("run.title", task=outcome.task, n=final[0].n, rule=outcome.rule)
        names = "recipe accuracy interval difference p input output calls usd p50 p95 failed lost".split()
        print_table(title, [localized(f"table.{name}") for name in names], [_final(row) for row in final])
        print()
    met = {row.recipe: row for row in final}
    left = [row for row in search if row.recipe not in met]
    if left:
        names = "recipe items accuracy difference became".split()
        rows = [_left(row, plainly(became(outcome, row, met, said["race"]))) for row in left]
        print_table(
            localized("improve.search" if final else "improve.so_far"),
            [localized(f"table.{name}") for name in names],
            rows,
            left=(0, 4),
        )
        print()
    without = [recipe_label(row.recipe, outcome) for row in without_effect(search, met)]
    if without:
        none = said["race"]["none_text_stopped" if unfinished(outcome) else "none_text"]
        print(f"{none.format(k=len(without))} {said['race']['comma'].join(without)}\n")
    for note in outcome.notes:
        print(plainly(note_words(note)))
    for sentence in verdict_sentences(outcome, language()):
        print(plainly(sentence))
    print(localized("improve.use", recipe=outcome.verdict.recipe))
    for part, usage in (("search", outcome.search_usage), ("final", outcome.final_usage)):
        spent = {"tokens": count(usage.input_tokens + usage.output_tokens), "calls": count(usage.calls)}
        print(localized(f"improve.total.{part}", **spent, usd=price(usage.usd)))


def note_words(note: Note) -> str:
    return words(language())["note"][note.key].format(**note.values)


def _final(row: RecipeRow) -> list[str]:
    return [
        short(row.recipe),
        percent(row.accuracy.mean),
        interval(row.accuracy.ci95),
        _difference(row),
        "" if row.p_holm is None else p_value(row.p_holm),
        _tokens(row.input_tokens, row.added_input),
        _tokens(row.output_tokens, row.added_output),
        count(row.calls),
        price(row.usd),
        duration(row.p50),
        duration(row.p95),
        str(row.no_answer or ""),
        str(row.lost or ""),
    ]


def _left(row: RecipeRow, what: str) -> list[str]:
    return [short(row.recipe), str(row.n), percent(row.accuracy.mean) if row.n else "", _difference(row), what]


def _difference(row: RecipeRow) -> str:
    return "" if row.difference is None else f"{signed(row.difference)} {interval(row.ci95)}"


def _tokens(all_of_them: float, added: float | None) -> str:
    return count(round(all_of_them)) + ("" if added is None else f" ({round(added):+,})")
