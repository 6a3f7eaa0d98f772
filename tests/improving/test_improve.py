"""`improve` on scripted models whose truth is known: the real engine, the real techniques, a real ledger."""

import os
from pathlib import Path

import anyio
import pytest

from jielong import Request, Scripted
from jielong.errors import BadInput, Unsupported
from jielong.improving.improve_plan import prepare
from jielong.improving.improve_result import Dropped, ImproveResult
from jielong.improving.improve_run import ImproveRun
from jielong.measuring.cost_forecast import BudgetLimits

from . import worlds

FULL = os.environ.get("JIELONG_FULL") == "1"
SEEDS, NULL_SEEDS, ITEMS = (40, 200, 200) if FULL else (1, 2, 100)


def improved(
    *models: Scripted, items: int = 200, seed: int = 0, ledger: Path | None = None, **budget: float
) -> ImproveResult:
    prepared = prepare(worlds.task(items), models, seed=seed, limits=BudgetLimits(**budget))
    run = ImproveRun(prepared, ledger=ledger or Path(":memory:"))
    anyio.run(run.execute)
    return run.result()


def name(outcome: ImproveResult) -> str:
    return outcome.verdict.recipe.partition(" | ")[2].partition("(examples=")[0]


@pytest.mark.parametrize("technique", worlds.HELPERS)
def test_the_one_technique_that_helps_wins(technique: str):
    won = [
        name(improved(worlds.helped_by(technique, seed), items=ITEMS, seed=seed)) == technique for seed in range(SEEDS)
    ]
    assert sum(won) >= 0.95 * SEEDS


def test_a_vote_wins_where_a_vote_helps():
    won = [name(improved(worlds.helped_by_voting(seed), items=2 * ITEMS, seed=seed)) for seed in range(SEEDS)]
    assert sum("self_consistency" in one for one in won) >= 0.95 * SEEDS


@pytest.mark.parametrize("nothing", [worlds.helped_by_nothing, worlds.helped_by_nothing_and_noisy])
def test_nothing_helped_is_said(nothing):
    kinds = [improved(nothing(seed), items=100, seed=seed).verdict.kind for seed in range(NULL_SEEDS)]
    assert kinds.count("nothing helped") >= 0.95 * NULL_SEEDS


def test_the_final_is_held_on_items_that_the_search_never_saw():
    model = worlds.helped_by("cot", 0)
    outcome = improved(model, items=100)
    assert not set(outcome.splits.final) & {*outcome.splits.search, *outcome.splits.examples}
    assert {len(result.answers) for result in outcome.finalists} == {len(outcome.splits.final)}
    assert [answer.id for answer in outcome.finalists[0].answers] == list(outcome.splits.final)
    seen = {len(candidate.scores) for candidate in outcome.candidates}
    assert seen <= {*outcome.plan.rounds}
    used = outcome.search_usage + outcome.final_usage
    assert len(model.requests) == used.calls - used.cached_calls  # some recipes share their first sample
    assert used.calls <= outcome.plan.max_calls < 0.7 * outcome.plan.all_calls


def test_an_outcome_of_a_run_survives_its_file():
    outcome = improved(worlds.helped_by("cot", 0), items=60)
    assert ImproveResult.from_json(outcome.to_json()) == outcome


def test_of_two_models_the_better_one_is_named():
    weak = Scripted(lambda request: "I do not know.", name="scripted:weak")
    outcome = improved(weak, worlds.helped_by("cot", 1), items=80)
    assert outcome.verdict.recipe == "scripted:1 | cot"
    assert [result.model for result in outcome.finalists][:2] == ["scripted:weak", "scripted:1 | cot"]
    assert outcome.models == ("scripted:weak", "scripted:1")


def test_a_candidate_that_cannot_run_is_named_and_left_out():
    def reply(request: Request) -> str:
        if request.messages[0].role == "system":
            raise Unsupported("this model takes no system message")
        return worlds.reply(0, request, worlds.HELPERS["cot"](request))

    outcome = improved(Scripted(reply), items=60)
    dropped = {c.steps.partition("(")[0]: c.dropped for c in outcome.candidates}
    assert dropped["persona"] == Dropped(1, "unsupported", "this model takes no system message")
    assert name(outcome) == "cot"


@pytest.mark.parametrize("items", [4, 6, 10, 20])
def test_few_items_are_told_and_still_tried(items: int):
    outcome = improved(worlds.helped_by("cot", 0), items=items)
    assert outcome.notes[0].key == ("hopeless" if items < 8 else "few")
    assert outcome.verdict.kind in ("improved", "nothing helped")
    assert len(outcome.finalists[0].answers) == len(outcome.splits.final)


def test_too_few_items_are_refused():
    with pytest.raises(BadInput, match="expected at least 4"):
        improved(worlds.helped_by("cot", 0), items=3)
