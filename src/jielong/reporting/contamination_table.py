"""What a corpus holds of a task and a model remembers of it, as tables and sentences."""

from __future__ import annotations

from collections.abc import Sequence

from ..measuring.contamination_record import Finding, part_scores
from ..measuring.corpus_search import CorpusSearch
from ..measuring.model_contamination import Evidence, ModelSearch
from ..measuring.results import EvalReport
from .formatting import interval, p_value, percent
from .ranking_table import TextTable
from .wording import Words

MOST_EXAMPLES = 5


def corpus_tables(search: CorpusSearch, texts: Words) -> list[TextTable]:
    """How many items, and the first of those that were found with their places."""
    say, whole = texts["contamination"], sum(item.whole for item in search.found)
    counts = {
        "whole": whole, "part": len(search.found) - whole, "clean": search.judged - len(search.found),
        "unjudged": len(search.unjudged),
    }  # fmt: skip
    rows = [[say[name], str(n), percent(n / len(search.task.items))] for name, n in counts.items()]
    columns: tuple[str, ...] = ("", say["items"], "%")
    tables = [TextTable(say["title"], columns, rows)]
    if search.found:
        first = sorted(search.found, key=lambda item: -item.coverage)[:MOST_EXAMPLES]
        rows = [
            [
                item.id,
                f"{item.file}:{item.line}",
                percent(item.coverage),
                say["yes"] if item.with_answer else "",
                item.excerpt,
            ]
            for item in first
        ]
        columns = (say["item"], say["place"], say["coverage"], say["with_answer"], say["excerpt"])
        tables.append(TextTable(say["examples"], columns, rows, left=(0, 1, 4)))
    return tables


def corpus_lines(search: CorpusSearch, texts: Words) -> list[str]:
    say = texts["contamination"]
    whole = sum(item.whole for item in search.found)
    beside = sum(item.with_answer for item in search.found)
    verdict = say["found"] if search.found else say["not_found"]
    lines = [verdict.format(whole=whole, part=len(search.found) - whole, beside=beside, n=search.judged)]
    if search.unjudged:
        lines.append(say["too_short"].format(n=len(search.unjudged)))
    return lines


def model_table(search: ModelSearch, texts: Words) -> TextTable:
    """One row for each test that was made."""
    say = texts["contamination"]
    rows = [
        [say[each.test], str(each.n), percent(each.figure), interval(each.ci95), _p(each.p), _p(each.p_holm)]
        for each in search.evidence
        if each.why is None
    ]
    columns = (say["test"], say["items"], "%", say["interval"], "p", "p (Holm)")
    return TextTable(say["model_title"].format(model=search.model), columns, rows)


def model_lines(search: ModelSearch, texts: Words) -> list[str]:
    """What each figure is, what was not tested, and the verdict."""
    say = texts["contamination"]
    lines = [
        say[f"{each.test}_figure" if each.p is not None else "reproduced_figure"].format(n=each.reproduced)
        for each in search.evidence
        if each.why is None
    ]
    lines += [say["no_test"].format(test=say[each.test], why=each.why) for each in search.evidence if each.why]
    return [*lines, verdict(search.model, search.contaminated, search.evidence, texts)]


def verdict(model: str, contaminated: bool | None, evidence: Sequence[Evidence], texts: Words) -> str:
    """With the tests that it rests on."""
    say = texts["contamination"]
    if contaminated is None and not any(each.reproduced is not None for each in evidence):
        return say["model_untested"].format(model=model)
    seen = texts["search"]["comma"].join(say[each.test] for each in evidence if each.significant)
    reproduced = max(each.reproduced or 0 for each in evidence)
    key = "model_contaminated" if contaminated else "model_suspected" if reproduced else "model_clean"
    return say[key].format(model=model, tests=seen, n=reproduced)


def known_lines(report: EvalReport, findings: Sequence[Finding], texts: Words) -> list[str]:
    """What is known of the task's contamination, and each model's score on the part that a corpus does not hold."""
    say, lines = texts["contamination"], []
    for finding in findings:
        if finding.kind == "model":
            evidence = [Evidence(**row) for row in finding.evidence]
            lines.append(f"{verdict(finding.of, finding.contaminated, evidence, texts)} ({finding.when})")
            continue
        counts = finding.counts(report.task)
        n = sum(counts.values())
        lines.append(say["known"].format(of=finding.of, when=finding.when, n=n, **counts))
        if counts["whole"] or counts["part"]:
            for part in part_scores(report, finding):
                clean, found = (f"{percent(e.mean)} {interval(e.ci95)}".strip() for e in (part.clean, part.found))
                lines.append(say["parts"].format(
                    model=part.model, clean=clean, n=part.clean.n, found=found, other=part.found.n
                ))  # fmt: skip
    return lines


def _p(p: float | None) -> str:
    return "–" if p is None else p_value(p)
