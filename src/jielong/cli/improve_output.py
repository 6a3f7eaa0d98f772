"""What `improve` found: the tables and the verdict in the terminal, and the files in its folder."""

from __future__ import annotations

import json
from pathlib import Path

from ..atomic_write import write_whole
from ..improving.improve_result import ImproveResult
from ..reporting.formatting import count, print_table, token_count
from ..reporting.improve.report_page import write_page
from ..reporting.improve.verdict_text import (
    candidate_end,
    note_text,
    recipe_label,
    unfinished,
    verdict_sentences,
    without_effect,
)
from ..reporting.recipe_rows import RecipeRow, disagreement, final_rows, results_table, search_rows, search_table, short
from ..reporting.wording import plain_text, words
from .messages import formatted_price, language, localized

PAGE = "report.html"


def write_outcome(result: ImproveResult, folder: Path) -> Path:
    """`outcome.json`, all that the run knows, and the report that is made of it; the path of the report."""
    write_whole(folder / "outcome.json", json.dumps(result.to_json(), ensure_ascii=False) + "\n")
    write_page(result, folder / PAGE, language())
    return folder / PAGE


def print_outcome(result: ImproveResult) -> None:
    final, search, texts, judged = final_rows(result), search_rows(result), words(language()), result.rule == "judge"
    finals = {row.recipe: row for row in final}
    if final:
        table = results_table(final, texts, _name, judged=judged)
        title = localized("run.title", task=result.task, n=final[0].n, rule=result.rule)
        print_table(title, table.columns, [[str(cell) for cell in row] for row in table.rows])
        if disagreeing := disagreement(final, texts, _name):
            print(disagreeing)
        print()
    eliminated = [row for row in search if row.recipe not in finals]
    if eliminated:
        ends = [candidate_end(result, row, finals, language()) for row in eliminated]
        table = search_table(eliminated, texts, _name, ends, judged=judged)
        title = localized("improve.search" if final else "improve.so_far")
        print_table(title, table.columns, [[str(cell) for cell in row] for row in table.rows], left=(0, 4))
        print()
    without = [recipe_label(row.recipe, result) for row in without_effect(search, finals)]
    if without:
        none = texts["search"]["none_text_stopped" if unfinished(result) else "none_text"]
        print(f"{none.format(k=len(without))} {texts['search']['comma'].join(without)}\n")
    for note in result.notes:
        print(plain_text(note_text(note, language())))
    for sentence in verdict_sentences(result, language()):
        print(plain_text(sentence))
    print(localized("improve.use", recipe=result.verdict.recipe))
    for part, usage in (("search", result.search_usage), ("final", result.final_usage)):
        tokens = token_count(usage.input_tokens + usage.output_tokens, usage.unsettled_calls)
        calls = count(usage.calls)
        print(localized(f"improve.total.{part}", tokens=tokens, calls=calls, usd=formatted_price(usage.usd)))
        if usage.cached_calls:
            print(localized("improve.total.cached", calls=count(usage.cached_calls)))


def _name(row: RecipeRow) -> str:
    return short(row.recipe)
