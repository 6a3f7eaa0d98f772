"""`jielong.improve` from Python, with a model as argument."""

from pathlib import Path

import pytest

from jielong import Scripted, improve

from . import worlds


def test_improve_from_python_replays_from_the_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("JIELONG_HOME", str(tmp_path))
    model = Scripted(lambda r: worlds.reply(0, r, worlds.HELPERS["cot"](r)), seconds=0.05, name="scripted:slow")
    first = improve(worlds.task(20), model, seed=3)
    asked = len(model.requests)
    again = improve(worlds.task(20), model, seed=3)
    assert first.verdict == again.verdict
    assert first.verdict.recipe == "scripted:slow | cot"
    assert len(model.requests) == asked
    assert again.final_usage.cached_calls == again.final_usage.calls
