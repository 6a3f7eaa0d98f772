"""Specialists, generalist and classifiers as two tables: at equal tokens for each task, and at equal tokens in all."""

from __future__ import annotations

from ..improving.specialists_result import ComparedRow, Measured, SpecialistsResult, Table
from ..stats import PairedDifference
from .formatting import count, interval, p_value, percent, signed
from .ranking_table import TextTable
from .wording import Words


def specialists_tables(result: SpecialistsResult, texts: Words) -> list[TextTable]:
    return [_table(result, table, texts) for table in result.tables]


def _table(result: SpecialistsResult, table: Table, texts: Words) -> TextTable:
    say, pooled = texts["specialists"], table.pooled()
    learnt = sum(row.learnt for row in table.rows)
    title = say[table.kind].format(tokens=count(result.tokens), all=count(table.tokens), n=learnt)
    names = ["task", "items", "start", "specialist", "generalist", "difference", "p"]
    with_classifier = any(row.classifier for row in table.rows)
    names += ["classifier", "classifier_difference", "classifier_p"] if with_classifier else []
    compared = table.compared()
    rows = [
        *(_row(each, each.row.task, with_classifier) for each in compared if each.row.learnt),
        *([_row(pooled, say["all"], with_classifier)] if pooled else []),
        *(_row(each, say["unseen"].format(task=each.row.task), with_classifier)
          for each in compared if not each.row.learnt),
    ]  # fmt: skip
    return TextTable(title, tuple(say[f"column_{name}"] for name in names), rows)


def _row(compared: ComparedRow, name: str, with_classifier: bool) -> list[str]:
    row = compared.row
    cells = [
        name, str(row.start.estimate.n), *(_share(each) for each in (row.start, row.specialist, row.generalist)),
        *_difference(compared.specialist, compared.specialist_p),
    ]  # fmt: skip
    if with_classifier:
        classifier = [_share(row.classifier)] if row.classifier else [""]
        cells += [*classifier, *_difference(compared.classifier, compared.classifier_p)]
    return cells


def _share(measured: Measured) -> str:
    estimate = measured.estimate
    return f"{percent(estimate.mean)} {interval(estimate.ci95)}".strip()


def _difference(pair: PairedDifference | None, p: float | None) -> list[str]:
    if pair is None:
        return ["", ""]
    return [f"{signed(pair.difference)} {interval(pair.ci95)}".strip(), "" if p is None else p_value(p)]


def specialists_lines(result: SpecialistsResult, texts: Words) -> list[str]:
    """How the columns are to be read."""
    say = texts["specialists"]
    lines = [say["how"]]
    if any(not row.learnt for row in result.tables[0].rows):
        lines.append(say["how_unseen"])
    return lines
