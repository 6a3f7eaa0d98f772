"""`improve` on a task with a folder of documents beside it finds by itself that they help."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from jielong import Request, Scripted, improve, load_task


def test_improve_finds_retrieval_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIELONG_HOME", str(tmp_path / "home"))
    (tmp_path / "task" / "context").mkdir(parents=True)
    towns = {f"Person{n}": f"Town{n * 37 % 101}" for n in range(40)}
    rows = [f'{{"input": "In which town does {who} live?", "answer": "{town}"}}' for who, town in towns.items()]
    (tmp_path / "task" / "questions.jsonl").write_text("\n".join(rows))
    for who, town in towns.items():
        (tmp_path / "task" / "context" / f"{who}.txt").write_text(f"{who} lives in {town} and keeps goats.")

    def reply(request: Request) -> str:
        """It knows what it has before its eyes."""
        text = request.messages[-1].text
        who = re.findall(r"does (\w+) live", text)
        told = re.search(rf"{who[-1]} lives in (\w+)", text) if who else None
        return told[1] if told else "Town0"

    result = improve(load_task(str(tmp_path / "task")), Scripted(reply, name="scripted:reader"), seed=1)
    assert result.verdict.kind == "improved"
    assert "context(files=[" in result.verdict.recipe
