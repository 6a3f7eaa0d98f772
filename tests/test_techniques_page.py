"""The command that measures every technique: its table, what it keeps, and the pages that it writes."""

from __future__ import annotations

from pathlib import Path

import measure_techniques as techniques
import pytest
from techniques_rows import ROWS, Row

from jielong.registry import BUILT_IN

PLAYED = Row("tree_of_thoughts(game=game24)", "mini:game24", "scripted:player", 6, checks=True)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.step}-{row.base}"[:60])
def test_each_line_names_a_technique_and_a_model_that_can_be_built(row: Row) -> None:
    assert row.technique in BUILT_IN["techniques"]
    assert techniques.model_of(row, row.step).max_calls() >= 1


@pytest.mark.anyio
async def test_a_finished_row_is_not_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await techniques.measured(PLAYED, tmp_path)

    async def nobody(*_: object, **__: object) -> None:
        raise AssertionError("it was measured again")

    monkeypatch.setattr(techniques, "compare", nobody)
    assert await techniques.measured(PLAYED, tmp_path) == first


@pytest.mark.anyio
async def test_plain_samples_that_are_checked_get_the_tokens_of_the_technique(tmp_path: Path) -> None:
    task = techniques.task_of(PLAYED)
    scores, spent = await techniques.best_checked(PLAYED, task, 3_000, tmp_path)
    assert len(scores) == 6
    assert 0 < sum(scores) <= 6
    assert spent >= 3_000 * 0.9 or all(scores)
    one_each, cheap = await techniques.best_checked(PLAYED, task, 1, tmp_path)
    assert cheap < spent
    assert sum(one_each) <= sum(scores)


@pytest.mark.anyio
async def test_the_pages_tell_figures_verdicts_and_what_cannot_be_done(tmp_path: Path) -> None:
    found = await techniques.measured(PLAYED, tmp_path)
    impossible = Row("self_refine", "mini:word_problems/1")
    rows = [(PLAYED, found), (impossible, {"error": "it cannot | be"})]
    for language, said in (("en", "cannot be done here: it cannot \\| be"), ("zh", "此处做不了: it cannot \\| be")):
        page = techniques.page(language, rows, ["later"])
        assert said in page
        assert "`later`" in page
        line = next(line for line in page.splitlines() if "tree_of_thoughts" in line)
        assert f"{100 * found['technique']['mean']:.1f} [" in line
        assert len(line.replace("\\|", "").split("|")) == 12
        assert page.count("tree_of_thoughts") == 2, "it stands in the table of checked answers, too"


def test_the_verdict_needs_an_interval_without_0() -> None:
    words = techniques.TEXTS["en"]
    for interval, said in (((0.01, 0.2), "helps"), ((-0.2, -0.01), "hurts"), ((-0.1, 0.1), "no clear difference")):
        assert techniques._verdict({"difference_ci95": interval}, words) == said
