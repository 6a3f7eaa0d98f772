"""Result files: written under a temporary name and renamed, so that a reader never finds half of one."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ..atomic_write import write_whole
from ..measuring.results import EvalReport


def write_report(report: EvalReport, folder: Path, extra: dict[str, Any] | None = None) -> None:
    """`report.json`, and `items.jsonl` with every answer of every model."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {**report.to_json(), **(extra or {})}
    write_whole(folder / "report.json", json.dumps(document, ensure_ascii=False, indent=1) + "\n")
    lines = [
        json.dumps({"model": result.model, **asdict(replace(answer, steps=()))}, ensure_ascii=False)
        for result in report.results
        for answer in result.answers
    ]
    write_whole(folder / "items.jsonl", "\n".join(lines) + "\n")
