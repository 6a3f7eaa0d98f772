"""Result files: written under a temporary name and renamed, so that none is ever half there."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ..measuring.run import Report


def write_report(report: Report, folder: Path, extra: dict[str, Any] | None = None) -> None:
    """`report.json`, and `items.jsonl` with every answer of every model."""
    folder.mkdir(parents=True, exist_ok=True)
    said = {**report.to_json(), **(extra or {})}
    write_text(folder / "report.json", json.dumps(said, ensure_ascii=False, indent=1) + "\n")
    lines = [
        json.dumps({"model": result.model, **asdict(replace(answer, steps=()))}, ensure_ascii=False)
        for result in report.results
        for answer in result.answers
    ]
    write_text(folder / "items.jsonl", "\n".join(lines) + "\n")


def write_text(file: Path, text: str) -> None:
    """Put a whole file in its place at once."""
    new = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        new.write_text(text, "utf-8")
        os.replace(new, file)
    finally:
        new.unlink(missing_ok=True)
