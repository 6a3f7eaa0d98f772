"""outcome.json holds all that a run knows, and gives it back."""

import json

from jielong.contract import Step, Usage
from jielong.improving.improve_result import (
    Candidate,
    Comparison,
    Dropped,
    ImprovePlan,
    ImproveResult,
    Note,
    Question,
    SplitIds,
    Verdict,
)
from jielong.measuring.results import ItemResult, ModelResult


def answer(id: str, score: float) -> ItemResult:
    call = Step("scripted:x", Usage(calls=1, input_tokens=7, output_tokens=2), "abc123")
    inner = Step("self_consistency(n=2)", Usage(calls=1, input_tokens=7, output_tokens=2), None, (call,))
    return ItemResult(id, score, "4", "It is 4", None, call.usage, 0.25, Usage(calls=1), (inner,))


def result(model: str, *scores: float) -> ModelResult:
    answers = tuple(answer(str(i), score) for i, score in enumerate(scores))
    return ModelResult(model, answers, ("a", "b"), Usage(calls=2, usd=None), ("a note",))


def outcome() -> ImproveResult:
    comparison = Comparison(0.5, (0.1, 0.9), 0.01, 2, 1, 0, "m | cot", 0.02)
    return ImproveResult(
        task="task.csv", task_source="task.csv, read as rows", task_sha256="0", rule="number", why_rule="numbers",
        models=("m", "n"),
        plan=ImprovePlan(4, (2, 4), (2,), 2, 80, None, 320, 0.2, {"tokens": 1000}),
        splits=SplitIds(("e",), ("s", "t"), ("0", "1")),
        questions=(Question("0", "2+2?", ("4",)),),
        candidates=(
            Candidate("m", "m", "", (0.0, 1.0), None, Usage(calls=2), (0.1, 0.2)),
            Candidate("m | cot", "m", "cot", (1.0, 1.0), ("a", "b"), Usage(calls=2), (0.1, 0.2), None, ("noted",)),
            Candidate("m | spell", "m", "spell", (0.0,), None, Usage(), (0.1,), Dropped(1, "dearer", "", "m")),
        ),
        finalists=(result("m", 0, 1), result("m | cot", 1, 1)),
        comparisons=(comparison,),
        verdict=Verdict("improved", "m | cot", comparison, "final"),
        stopped=None, search_usage=Usage(calls=4), final_usage=Usage(calls=4), judging_usage=Usage(calls=2),
        seed=0, run="r", ledger=".jielong/ledger.db", version="0.1.0", settings={"limit": 10},
        notes=(Note("few", {"n": 4}),),
    )  # fmt: skip


def test_an_outcome_survives_its_file():
    first = outcome()
    again = ImproveResult.from_json(json.loads(json.dumps(first.to_json())))
    assert again == first
    assert again.finalists[0].answers[0].steps == first.finalists[0].answers[0].steps
    assert again.chosen == first.finalists[1]
