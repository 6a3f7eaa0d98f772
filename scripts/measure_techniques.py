"""Measure every technique and write docs/techniques.md and docs/techniques.zh.md: `make techniques`.

Each row of techniques_rows.py is asked three times: the plain model, the technique, and as many plain samples as the
technique's tokens would pay for, of which the most common answer counts. Where a technique checks its answers by the
rules of the task, the best of as many samples, checked by the same rules, is beside it. Calls are kept in a ledger and
finished rows beside it, so the command goes on where it was stopped; a row whose model or recipe changed is new.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import anyio
import techniques_scripted
from techniques_documents import write_documents
from techniques_route import write_route
from techniques_rows import DOCUMENTS, ROUTE, ROWS, Row

from jielong import recipe, registry
from jielong.contract import Model
from jielong.errors import JielongError
from jielong.measuring.evaluate import compare
from jielong.measuring.results import ModelResult, compare_scores, mean_score
from jielong.models.mini import Mini
from jielong.reporting.formatting import count, duration, interval, percent, signed
from jielong.tasks.load_task import load_task
from jielong.tasks.metric import answer_rule
from jielong.tasks.task import Task

DOCS = Path(__file__).parents[1] / "docs"
AT_ONCE, MOST_SAMPLES, SEED = 16, 24, 0
NOT_MEASURED = ("options", "budget")  # settings and limits
registry.BUILT_IN = {  # the rows name scripted models that only these scripts have
    **registry.BUILT_IN,
    "models": {**registry.BUILT_IN["models"], "scripted": f"{techniques_scripted.__name__}:load"},
}
TEXTS: dict[str, Any] = tomllib.loads(Path(__file__).with_name("measure_techniques.toml").read_text("utf-8"))


def model_of(row: Row, step: str) -> Model:
    return recipe.load(row.base + (f" | {step}" if step else ""))


def task_of(row: Row) -> Task:
    own = techniques_scripted.TASKS.get(row.task)
    return own() if own else load_task(row.task, limit=row.items, seed=SEED)


def fingerprint(row: Row, task: Task) -> str:
    by = Mini().identity() if row.base.startswith("mini") else techniques_scripted.IDENTITY
    said = [asdict(row), task.sha256, by, SEED]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def kept_in(folder: Path, row: Row, task: Task) -> Path:
    return folder / f"{fingerprint(row, task)[:16]}.json"


async def measured(row: Row, folder: Path) -> dict[str, Any]:
    """The figures of a row: read if it was measured before, else measured and kept."""
    task = task_of(row)
    kept = kept_in(folder, row, task)
    if kept.exists():
        return dict(json.loads(kept.read_text("utf-8")))
    started = time.monotonic()
    plain = await _asked(row, task, "", folder)
    with_it = await _asked(row, task, row.step, folder)
    k = max(1, min(MOST_SAMPLES, round(_tokens(with_it) / _tokens(plain))))
    found: dict[str, Any] = {"plain": _figures(plain), "technique": _figures(with_it), "k": k}
    rival = plain
    if k > 1 and not row.checks:
        rule = answer_rule(task.metric) or "exact"
        rule = "" if rule == "number" else f", answer={rule}"
        voted = await _asked(row, task, f"self_consistency(n={k}, adaptive=false{rule})", folder)
        found["voted"] = _figures(voted)
        rival = max(plain, voted, key=lambda result: result.accuracy.mean)
    found["gain"] = _gain(rival.scores, with_it.scores)
    if row.checks:
        scores, spent = await best_checked(row, task, _tokens(with_it), folder)
        found["checked"] = _estimate(scores) | {"tokens": spent / len(scores)} | _gain(scores, with_it.scores)
    found["seconds"] = time.monotonic() - started
    kept.write_text(json.dumps(found, indent=1), "utf-8")
    return dict(json.loads(kept.read_text("utf-8")))


async def _asked(row: Row, task: Task, step: str, folder: Path) -> ModelResult:
    report = await compare(task, [model_of(row, step)], seed=SEED, concurrency=AT_ONCE, ledger=_ledger(folder))
    return report.results[0]


async def best_checked(row: Row, task: Task, tokens: int, folder: Path) -> tuple[list[float], int]:
    """Sample after sample for each item that has no right answer yet, until the tokens are spent: (scores, tokens).

    Each wave has a seed of its own, so that the rows of one task draw the same samples.
    """
    best, spent, wave, price = [0.0] * len(task.items), 0, 0, 1.0
    while spent < tokens and (waiting := [i for i, score in enumerate(best) if score < 1]):
        affordable = len(waiting) if wave == 0 else max(1, round((tokens - spent) / price))
        asked = waiting[:affordable]
        few = replace(task, items=tuple(task.items[i] for i in asked))
        report = await compare(few, [model_of(row, "")], seed=1000 + wave, concurrency=AT_ONCE, ledger=_ledger(folder))
        used = _tokens(report.results[0])
        price, spent, wave = used / len(asked), spent + used, wave + 1
        for i, score in zip(asked, report.results[0].scores, strict=True):
            best[i] = max(best[i], score or 0.0)
    return best, spent


def _ledger(folder: Path) -> Path:
    return folder / "ledger.db"


def _tokens(result: ModelResult) -> int:
    return result.usage.input_tokens + result.usage.output_tokens


def _estimate(scores: Sequence[float | None]) -> dict[str, Any]:
    estimate = mean_score(scores)
    return {"mean": estimate.mean, "ci95": estimate.ci95}


def _gain(a: Sequence[float | None], b: Sequence[float | None]) -> dict[str, Any]:
    pair = compare_scores(a, b)
    return {"difference": pair.difference, "difference_ci95": pair.ci95, "p": pair.p}


def _figures(result: ModelResult) -> dict[str, Any]:
    n, used = len(result.answers), result.usage
    return {
        "mean": result.accuracy.mean,
        "ci95": result.accuracy.ci95,
        "input": used.input_tokens / n,
        "output": used.output_tokens / n,
        "calls": used.calls / n,
        "p50": result.latency(0.5),
        "failed": result.failed,
    }


# ---- the pages ----


def page(language: str, rows: list[tuple[Row, dict[str, Any]]], missing: list[str]) -> str:
    words = TEXTS[language]
    lines = [words["head"].strip().format(at_once=AT_ONCE), "", words["columns"], "|---" * 10 + "|"]
    for row, found in rows:
        lines.append(_line(row, found, words))
    checked = [(row, found) for row, found in rows if "checked" in found]
    if checked:
        lines += ["", words["checked"].strip(), "", words["checked_columns"], "|---" * 5 + "|"]
        lines += [_checked_line(row, found["checked"], found["technique"]) for row, found in checked]
    if missing:
        lines += ["", words["missing"] + ", ".join(f"`{name}`" for name in missing) + words["stop"]]
    return "\n".join(lines) + "\n"


def _line(row: Row, found: dict[str, Any], words: dict[str, str]) -> str:
    name = f"`{_escaped(row.step)}`<br>`{_escaped(row.base)}`, `{row.task}`"
    if "error" in found:
        return f"| {name} | {words['impossible']}: {_escaped(found['error'])} |" + " – |" * 8
    technique, plain, voted, checked = found["technique"], found["plain"], found.get("voted"), found.get("checked")
    gain = checked or found["gain"]
    rival = words["best_checked"].format(_accuracy(checked)) if checked else "–"
    return "| " + " | ".join([
        name,
        _accuracy(technique),
        count(technique["input"]), count(technique["output"]), count(technique["calls"]), duration(technique["p50"]),
        _accuracy(plain),
        f"{_accuracy(voted)} ({found['k']})" if voted else rival,
        f"{signed(gain['difference'])} {interval(gain['difference_ci95'])}",
        _verdict(gain, words),
    ]) + " |"  # fmt: skip


def _checked_line(row: Row, checked: dict[str, Any], technique: dict[str, Any]) -> str:
    gain = f"{signed(checked['difference'])} {interval(checked['difference_ci95'])}"
    tokens = f"{count(technique['input'] + technique['output'])} / {count(checked['tokens'])}"
    name = f"`{_escaped(row.step)}`<br>`{_escaped(row.base)}`"
    return f"| {name} | {_accuracy(technique)} | {_accuracy(checked)} | {tokens} | {gain} |"


def _verdict(gain: dict[str, Any], words: dict[str, str]) -> str:
    low, high = gain["difference_ci95"] or (0.0, 0.0)
    return words["helps"] if low > 0 else words["hurts"] if high < 0 else words["neither"]


def _accuracy(figures: dict[str, Any]) -> str:
    return f"{percent(figures['mean'])} {interval(figures['ci95'])}".strip()


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


async def _all(folder: Path, only: str, again: bool) -> list[tuple[Row, dict[str, Any]]]:
    done = []
    for i, row in enumerate(ROWS, 1):
        if (only and row.technique != only) or (again and not kept_in(folder, row, task_of(row)).exists()):
            continue
        try:
            found = await measured(row, folder)
        except JielongError as error:
            found = {"error": str(error)}
        print(f"{i} of {len(ROWS)}: {row.base} | {row.step} on {row.task}: "
              f"{found.get('error') or percent(found['technique']['mean'])}", file=sys.stderr, flush=True)  # fmt: skip
        done.append((row, found))
    return done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("build/techniques"), help="where finished rows are kept")
    parser.add_argument("--only", default="", help="measure one technique and write no page")
    parser.add_argument("--page", action="store_true", help="write the pages from what was measured, measure nothing")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    if not given.page:
        write_documents(Path(DOCUMENTS))
        write_route(Path(ROUTE))
    rows = anyio.run(_all, given.folder, given.only, given.page)
    missing = sorted(set(registry.BUILT_IN["techniques"]) - {row.technique for row, _ in rows} - set(NOT_MEASURED))
    if not given.only:
        for language, name in (("en", "techniques.md"), ("zh", "techniques.zh.md")):
            (DOCS / name).write_text(page(language, rows, missing), "utf-8")


if __name__ == "__main__":
    main()
