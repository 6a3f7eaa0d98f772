"""What judges said as tables and sentences: everybody's opinion of the same items in one table, then how far each judge
may be believed: order, length, repeats, planted pairs, agreement."""

from __future__ import annotations

from collections.abc import Sequence

from ..measuring.agreement import Agreement
from ..measuring.grade_judge import GradesBeside
from ..measuring.judge_audit import Audit
from ..measuring.judge_report import GradeReport, GradeRow, PairReport
from ..measuring.pair_figures import LONGER, PairFigures
from ..measuring.pair_judge import JudgedPairs
from ..stats import Estimate
from .formatting import MOST_REASONS, interval, p_value, percent
from .ranking_table import TextTable
from .wording import Words

FOUND = 0.05  # the p below which a bias is said to be there


def pair_tables(report: PairReport, texts: Words) -> list[TextTable]:
    """One for each two models."""
    say = texts["judge"]
    asked = {judged.judge for judged in report.judged} | {"panel"}
    tables = []
    for a, b in dict.fromkeys((row.model_a, row.model_b) for row in report.rows):
        rows = [row for row in report.rows if (row.model_a, row.model_b) == (a, b)]
        columns = tuple(
            say[f"column_{name}"] for name in ("who", "n", "win_rate", "same", "length", "orders", "agrees")
        )
        cells = [_pair_row(row, row.judge in asked, say) for row in rows]
        if corrected := [row for row in rows if row.corrected and row.judge in asked]:
            columns = (*columns, say["column_corrected"].format(by=say[corrected[0].corrected_by or "people"]))
            cells = [
                [*line, _corrected(row) if row in corrected else ""] for line, row in zip(cells, rows, strict=True)
            ]
        title = say["title"].format(a=a, b=b, n=rows[0].pairs)
        tables.append(TextTable(title, columns, cells))
    return tables


def _pair_row(row: PairFigures, judge: bool, say: dict[str, str]) -> list[str]:
    others = [each for each in row.agreements if each.reference != row.judge]
    agreement = "; ".join(f"{say[each.reference]} {percent(each.accuracy.mean)}" for each in others)
    return [
        {"panel": say["panel"], LONGER: say["longer"]}.get(row.judge, say.get(row.judge, row.judge)),
        str(row.win_rate.n), _estimate(row.win_rate),
        f"{percent(row.common.mean)} ({row.common.n})" if row.common and row.common.n else "–",
        _estimate(row.length.win_rate) if row.length and judge else "",
        percent(row.swap.mean) if judge else "", agreement,
    ]  # fmt: skip


def _estimate(estimate: Estimate) -> str:
    return f"{percent(estimate.mean)} {interval(estimate.ci95)}".strip()


def _corrected(row: PairFigures) -> str:
    assert row.corrected
    return f"{percent(row.corrected.mean)} {interval(row.corrected.ci95)}".strip()


def pair_lines(report: PairReport, texts: Words) -> list[str]:
    """How far each judge may be believed."""
    say, lines = texts["judge"], []
    for judged in report.judged:
        lines += _call_lines(judged, say)
        for row in report.rows:
            if row.judge == judged.judge and row.win_rate.n:
                lines += _belief(row, say)
    for audit in report.audits:
        lines += _audit_lines(audit, say)
    if report.panel_agreement:
        lines.append(say["panel_agreement"].format(kappa=_kappa(report.panel_agreement)))
    return lines


def _call_lines(judged: JudgedPairs, say: dict[str, str]) -> list[str]:
    missing = sum(verdict.score is None for verdict in judged.verdicts)
    if not missing:
        return []
    line = say["missing"].format(judge=judged.judge, n=missing, unread=judged.unread, lost=judged.lost)
    reasons = list(judged.reasons.items())[:MOST_REASONS]
    return [line, *(f"  {times} × {words}" for words, times in reasons)]


def _belief(row: PairFigures, say: dict[str, str]) -> list[str]:
    lines = []
    first = row.first
    if first.p is not None and first.share.n:
        key = "position_found" if first.p < FOUND else "position_not_found"
        lines.append(
            say[key].format(judge=row.judge, share=_estimate(first.share), n=first.share.n, p=p_value(first.p))
        )
    if row.length and row.length.p is not None and row.length.p < FOUND:
        longer = "longer" if row.length.weights["length"] < 0 else "shorter"
        lines.append(say[f"goes_with_{longer}"].format(judge=row.judge, p=p_value(row.length.p)))
    if row.unstable:
        lines.append(say["unstable"].format(judge=row.judge, share=_estimate(row.unstable)))
    for each in row.agreements:
        lines.append(
            say["agreement"].format(
                judge=row.judge, other=say[each.reference], share=_estimate(each.accuracy), n=each.accuracy.n,
                kappa=_kappa(each.kappa),
            )
        )  # fmt: skip
        p, excess = each.length.p, each.length.share
        if p is not None and p < FOUND:
            key = "more_than" if excess.mean > 0 else "less_than"
            lines.append(say[f"length_{key}"].format(judge=row.judge, other=say[each.reference], p=p_value(p)))
    return lines


def _audit_lines(audit: Audit, say: dict[str, str]) -> list[str]:
    lines = [say["audit"].format(judge=audit.judge, n=audit.pairs)]
    for kind, found in audit.tendencies.items():
        if not found.share.n:
            lines.append("  " + say[f"audit_{kind}"] + ": " + say["audit_undecided"])
            continue
        verdict = say["audit_found" if found.p is not None and found.p < FOUND else "audit_not_found"]
        p = "–" if found.p is None else p_value(found.p)
        lines.append(
            "  " + say[f"audit_{kind}"] + ": "
            + say["audit_share"].format(share=_estimate(found.share), n=found.share.n, p=p, verdict=verdict)
        )  # fmt: skip
    if audit.doubt is not None:
        lines.append("  " + say["doubt"].format(points=f"{100 * audit.doubt:.0f}"))
    return lines


def _kappa(agreement: Agreement) -> str:
    if agreement.value is None:
        return "–"
    ends = ", ".join(f"{end:.2f}" for end in agreement.ci95 or ())
    return f"{agreement.value:.2f}" + (f" [{ends}]" if ends else "")


def grade_table(report: GradeReport, texts: Words) -> TextTable:
    say = texts["judge"]
    others = list(dict.fromkeys(each.other for row in report.rows for each in row.beside))
    columns = [say[f"column_{name}"] for name in ("who", "model", "n", "grade")]
    for other in others:
        columns += [say["column_theirs"].format(other=say[other]), say["column_judged"].format(other=say[other]), "κ"]
        columns.append(say["column_corrected"].format(by=say[other]))
    rows = [_grade_row(row, others, say) for row in report.rows]
    return TextTable(say["grades"], tuple(columns), rows, (0, 1))


def _grade_row(row: GradeRow, others: Sequence[str], say: dict[str, str]) -> list[str]:
    graded = row.graded
    name = say["panel"] if graded.judge == "panel" else graded.judge
    cells = [name, graded.model, f"{graded.mean.n}/{graded.asked}", _estimate(graded.mean)]
    known: dict[str, GradesBeside] = {each.other: each for each in row.beside}
    for other in others:
        found = known.get(other)
        cells += ["–"] * 4 if found is None else [
            f"{percent(found.theirs.mean)} ({found.theirs.n})", percent(found.judged.mean), _kappa(found.kappa),
            f"{percent(found.corrected.mean)} {interval(found.corrected.ci95)}".strip(),
        ]  # fmt: skip
    return cells


def grade_lines(report: GradeReport, texts: Words) -> list[str]:
    """What was not graded and why, the parts of the grades, and how far repeats differ."""
    say, lines = texts["judge"], []
    for row in report.rows:
        graded = row.graded
        if missing := graded.asked - graded.mean.n:
            names = {"judge": f"{graded.judge}, {graded.model}", "n": missing}
            lines.append(say["not_graded"].format(**names, unread=graded.unread, lost=graded.lost))
            lines += [f"  {times} × {words}" for words, times in list(graded.reasons.items())[:MOST_REASONS]]
        if graded.parts:
            parts = ", ".join(f"{name} {_estimate(part)}" for name, part in graded.parts.items())
            lines.append(f"{graded.judge}, {graded.model}: {parts}")
        if graded.unstable:
            lines.append(
                say["unstable"].format(judge=f"{graded.judge}, {graded.model}", share=_estimate(graded.unstable))
            )
    return lines
