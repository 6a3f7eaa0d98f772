"""The loop, on scripted models that only the right prompt helps."""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from jielong import Scripted, load, search_prompts
from jielong.contract import Model, Request, Usage
from jielong.errors import BadInput, Refused, UnknownName
from jielong.improving.prompt_search.search_loop import SearchPlan, SearchResult
from jielong.improving.prompt_search.search_prompts import plan_prompt_search, result_summary, run_prompt_search
from jielong.measuring.cost_forecast import BudgetLimits
from jielong.measuring.judge import Judge
from jielong.stats import paired_difference
from jielong.tasks.item import Item, identified
from jielong.tasks.metric import find_metric
from jielong.tasks.task import Task

FULL = os.environ.get("JIELONG_FULL") == "1"


def task(n: int = 120) -> Task:
    items = [Item("", f"What is twice {i}, if anybody wants to know it today?", (str(2 * i),)) for i in range(n)]
    return Task("doubling", identified(items), find_metric("number"), "for a test", "a test")


def number_in(request: Request) -> int:
    return next(int(word.strip(",")) for word in request.messages[-1].text.split() if word.strip(",").isdigit())


def coin(request: Request, chance: float) -> bool:
    texts = json.dumps([message.text for message in request.messages])
    return random.Random(hashlib.sha256(texts.encode()).digest()).random() < chance


def doubling(chance: Callable[[Request], float]) -> Scripted:
    """Right with a chance that depends on the prompt; always the same to the same request."""

    def reply(request: Request) -> str:
        right = coin(request, chance(request))
        return f"Thinking of {number_in(request)}. Answer: {2 * number_in(request) + (not right)}"

    return Scripted(reply)


def prompt_of(request: Request) -> str:
    return whole_text(request).lower()


def whole_text(request: Request) -> str:
    return " ".join(message.text for message in request.messages)


def searched(tmp_path: Path, planned: SearchPlan, **options: Any) -> tuple[SearchResult, dict[str, Any]]:
    result = anyio.run(lambda: run_prompt_search(planned, ledger=tmp_path / "ledger.db", **options))
    return result, result_summary(planned, result)


def tried(tmp_path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (tmp_path / "out" / "tried.jsonl").read_text("utf-8").splitlines()]


def steps() -> Scripted:
    return doubling(lambda request: 0.95 if "step by step" in prompt_of(request) else 0.1)


@pytest.mark.parametrize("seed", range(5))
def test_edits_find_the_phrase_that_helps_and_the_holdout_test_confirms_it(seed: int, tmp_path: Path):
    planned = plan_prompt_search(task(), steps(), start="Be quick.", place="after", proposers=["edits"], seed=seed)
    result, summary = searched(tmp_path, planned)
    assert summary["verdict"] == "improved"
    assert "step by step" in summary["prompt"]["text"].lower()
    assert summary["holdout_test"]["ci95"][0] > 0.5
    assert result.holdout
    assert {item.id for item in result.holdout.items} == {item.id for item in planned.split.final}


def test_the_recipe_is_text_and_loads_again(tmp_path: Path):
    rows = [json.dumps({"input": f"What is twice {i}?", "answer": str(2 * i)}) for i in range(30)]
    (tmp_path / "task.jsonl").write_text("\n".join(rows))
    (tmp_path / "script.jsonl").write_text('{"contains": "step by step", "reply": "Answer: 4"}\n{"reply": "?"}\n')
    model = load(f"scripted:{tmp_path / 'script.jsonl'}")
    planned = plan_prompt_search(
        task(40), model, start='Say "so", |now|.\nAt once.', place="after", proposers=["edits", "examples"]
    )
    _, summary = searched(tmp_path, planned, out=tmp_path / "out")
    assert load(summary["recipe"]).name == summary["recipe"]
    assert (tmp_path / "out" / "recipe.txt").read_text("utf-8") == summary["recipe"] + "\n"
    for line in tried(tmp_path):
        assert line["kept"] or line["why"]


def test_where_no_prompt_matters_the_holdout_test_keeps_the_start(tmp_path: Path):
    """Whatever looked best in the search was luck, and luck does not come again: one in forty passes by chance."""
    passed, seeds = 0, 200 if FULL else 4
    for seed in range(seeds):
        planned = plan_prompt_search(
            task(), doubling(lambda request: 0.5), proposers=["chance"], seed=seed, limits=BudgetLimits(calls=400)
        )
        result, summary = searched(tmp_path, planned)
        assert result.state.best is not result.state.start or summary["holdout_test"] is None
        passed += summary["verdict"] == "improved"
        if summary["verdict"] != "improved":
            assert summary["recipe"] == planned.model.name
    assert passed <= max(2, seeds // 20)


@pytest.mark.parametrize("calls", [34, 60, 101, 300, 777])
@pytest.mark.parametrize("proposers", [["edits"], ["chance", "examples"]])
def test_no_call_more_than_the_budget(calls: int, proposers: list[str], tmp_path: Path):
    model = doubling(lambda request: 0.6 if "carefully" in prompt_of(request) else 0.4)
    planned = plan_prompt_search(task(400), model, proposers=proposers, limits=BudgetLimits(calls=calls))
    _, summary = searched(tmp_path, planned)
    assert summary["usage"]["calls"] <= calls
    assert len(model.requests) == summary["usage"]["calls"] - summary["usage"]["cached_calls"]
    if summary["holdout_test"]:
        assert summary["holdout_test"]["n"] == summary["holdout_test"]["planned"] >= 10


@pytest.mark.parametrize("tokens", [30_000, 100_000] if FULL else [30_000])
def test_no_token_more_than_the_budget_and_the_holdout_test_gets_its_share(tokens: int, tmp_path: Path):
    model = doubling(lambda request: 0.7 if "carefully" in prompt_of(request) else 0.3)
    planned = plan_prompt_search(task(400), model, proposers=["edits"], limits=BudgetLimits(tokens=tokens))
    _, summary = searched(tmp_path, planned)
    assert model.tokens <= tokens
    assert summary["search"]["rounds"] > 1
    assert summary["holdout_test"]["n"] == summary["holdout_test"]["planned"]


def test_no_dollar_more_than_the_budget_and_the_holdout_test_gets_its_share(tmp_path: Path):
    class Priced(Scripted):
        def usd(self, usage: Usage) -> float:
            return 1e-6 * usage.input_tokens + 4e-6 * usage.output_tokens

    free = doubling(lambda request: 0.7 if "carefully" in prompt_of(request) else 0.3)
    model = Priced(free._reply)
    planned = plan_prompt_search(task(400), model, proposers=["edits"], limits=BudgetLimits(usd=0.06))
    _, summary = searched(tmp_path, planned)
    assert 0.03 < summary["usage"]["usd"] <= 0.06
    assert summary["holdout_test"]["n"] == summary["holdout_test"]["planned"]


def test_a_judge_grades_where_there_is_no_gold(tmp_path: Path):
    judge = Scripted(lambda request: "9" if "Kindly" in whole_text(request) else "4", name="scripted:judge")
    model = Scripted(lambda request: "Kindly: yes." if "carefully" in prompt_of(request) else "Yes.")
    items = identified([Item("", f"May I have {i} apples?") for i in range(80)])
    asked = Task("asking", items, find_metric("judge"), "", "a test")
    with pytest.raises(BadInput, match="--judge"):
        plan_prompt_search(asked, model)
    _, summary = searched(tmp_path, plan_prompt_search(asked, model, proposers=["edits"], judge=Judge(judge)))
    assert summary["verdict"] == "improved"
    assert summary["holdout_test"]["difference"] == pytest.approx(0.5)
    assert len(model.requests) + len(judge.requests) == summary["usage"]["calls"] - summary["usage"]["cached_calls"]


def test_items_of_one_cluster_stay_together_and_count_as_one_at_the_holdout_test(tmp_path: Path):
    items = [replace(item, cluster=f"text {i // 6}") for i, item in enumerate(task().items)]
    planned = plan_prompt_search(replace(task(), items=tuple(items)), steps(), start="Be quick.", proposers=["edits"])
    search, final = ({item.cluster for item in side} for side in (planned.split.search, planned.split.final))
    assert not search & final
    result, summary = searched(tmp_path, planned)
    assert result.holdout
    scores = [
        [scored.answers[item.id].score for item in result.holdout.items]
        for scored in (result.holdout.start, result.holdout.best)
    ]
    assert (
        summary["holdout_test"]["p"]
        == paired_difference(*scores, [str(item.cluster) for item in result.holdout.items]).p
    )


def test_a_budget_that_shows_nothing_is_refused_before_anything_is_asked(tmp_path: Path):
    model = doubling(lambda request: 0.5)
    with pytest.raises(BadInput, match="too small.*34 calls"):
        searched(tmp_path, plan_prompt_search(task(), model, limits=BudgetLimits(calls=33)))
    assert not model.requests


def test_the_search_asks_no_item_of_the_holdout_test(tmp_path: Path):
    seen, model = [0], steps()
    planned = plan_prompt_search(task(), model, start="Be quick.", proposers=["edits", "examples"])
    _, summary = searched(tmp_path, planned, on_round=lambda found: seen.append(len(model.requests)))
    final = {number_in(item.request()) for item in planned.split.final}
    asked_in_search = model.requests[: seen[-1]]
    assert summary["holdout_test"]["n"] * 2 == len(model.requests) - seen[-1]
    assert not {number_in(request) for request in asked_in_search} & final
    shown = {m.text for request in asked_in_search for m in request.messages[:-1] if m.role == "user"}
    assert shown
    assert not shown & {item.input for item in planned.split.final}


def test_what_is_no_better_than_its_parent_is_asked_few_items(tmp_path: Path):
    model = doubling(lambda request: 0.3)
    result, _ = searched(
        tmp_path, plan_prompt_search(task(400), model, proposers=["chance"], limits=BudgetLimits(calls=1000))
    )
    asked = [len(scored.answers) for scored in result.state.drafts[1:]]
    assert len(asked) > 20
    assert sorted(asked)[len(asked) // 2] == 4
    assert all(scored.complete == (len(scored.answers) == len(result.state.items)) for scored in result.state.drafts)


# ---- examples ----


def test_examples_are_chosen_that_help(tmp_path: Path):
    """Only an example with a large number helps this model."""

    def chance(request: Request) -> float:
        shown = [message.text for message in request.messages[:-1] if message.role == "user"]
        return 0.95 if any("twice 11" in text for text in shown) else 0.1

    planned = plan_prompt_search(task(), doubling(chance), proposers=["examples"], limits=BudgetLimits(calls=1500))
    _, summary = searched(tmp_path, planned)
    assert summary["verdict"] == "improved"
    assert any("twice 11" in question for question, _ in summary["prompt"]["examples"])
    assert all(question != answer for question, answer in summary["prompt"]["examples"])


def test_bootstrapped_examples_hold_the_models_own_reasoning(tmp_path: Path):
    def chance(request: Request) -> float:
        replies = [message.text for message in request.messages if message.role == "assistant"]
        return 0.95 if any(reply.startswith("Thinking of") for reply in replies) else 0.3

    planned = plan_prompt_search(task(), doubling(chance), proposers=["examples"])
    _, summary = searched(tmp_path, planned)
    assert summary["verdict"] == "improved"
    assert any(answer.startswith("Thinking of") for _, answer in summary["prompt"]["examples"])


# ---- proposers that write ----


class Writer:
    """Writes what it is told to; `asked` holds what it was shown."""

    def __init__(self, *summary: str) -> None:
        self.summary, self.asked = summary, []
        self.model = Scripted(self.reply, name="scripted:writer")

    def reply(self, request: Request) -> str:
        self.asked.append(request.messages[-1].text)
        return f"Here:\n```\n{self.summary[len(self.asked) % len(self.summary)]} ({len(self.asked)})\n```"


def written(
    model: Model, writer: Writer, by: str, tmp_path: Path, **options: Any
) -> tuple[SearchResult, dict[str, Any]]:
    planned = plan_prompt_search(task(), model, start="Be quick.", proposers=[by], writer=writer.model, **options)
    return searched(tmp_path, planned, out=tmp_path / "out")


@pytest.mark.parametrize("by", ["induce", "history", "reflect"])
def test_what_a_writer_writes_is_tried_and_wins(by: str, tmp_path: Path):
    writer = Writer("Guess.", "Go step by step, please.")
    _, summary = written(steps(), writer, by, tmp_path)
    assert summary["verdict"] == "improved"
    assert summary["prompt"]["text"].startswith("Go step by step, please.")
    assert summary["prompt"]["by"] == by


def test_induction_shows_inputs_with_their_outputs(tmp_path: Path):
    writer = Writer("Guess.")
    written(doubling(lambda request: 0.2), writer, "induce", tmp_path, limits=BudgetLimits(calls=200))
    assert writer.asked[0].count("Input: What is twice") == writer.asked[0].count("Output: ") == 5


def test_history_shows_scores_the_best_last(tmp_path: Path):
    writer = Writer("Go step by step.", "Do it carefully.")
    model = doubling(
        lambda request: (
            0.8 if "step by step" in prompt_of(request) else 0.5 if "carefully" in prompt_of(request) else 0.2
        )
    )
    result, _ = written(model, writer, "history", tmp_path)
    last = writer.asked[-1]
    scores = [int(line.removeprefix("Score: ")) for line in last.splitlines() if line.startswith("Score: ")]
    assert len(scores) > 1
    assert scores == sorted(scores)
    assert "Be quick." in last
    assert all(scored.draft.text in last for scored in result.state.complete if scored.round < result.state.round)


def test_reflection_shows_a_mistake_and_what_was_right(tmp_path: Path):
    writer = Writer("Guess.")
    written(doubling(lambda request: 0.2), writer, "reflect", tmp_path, limits=BudgetLimits(calls=200))
    assert "Be quick." in writer.asked[0]
    for asked in writer.asked:
        wrong = [case for case in asked.split("Question:")[1:] if "not right" in case]
        assert wrong
        for case in wrong:
            number = int(case.split("twice ")[1].split(",")[0])
            assert f"The right answer: {2 * number}" in case
            assert f"Answer: {2 * number + 1}" in case


def test_what_is_too_long_or_copied_is_never_asked(tmp_path: Path):
    long = " ".join(["word"] * 60)
    copied = "If you meet: what is twice 3, if anybody wants to know it today, say 6."
    writer = Writer(long, copied)
    model = doubling(lambda request: 0.2)
    _, summary = written(model, writer, "induce", tmp_path, max_words=50)
    assert summary["search"]["stopped"] == "nothing new"
    lines = tried(tmp_path)[1:]
    assert {line["why"].split(":")[0] for line in lines} == {"too long", "copies the items"}
    assert not any(
        "word word" in prompt_of(request) or "if you meet" in prompt_of(request) for request in model.requests
    )


def test_a_writer_that_fails_costs_its_drafts_alone(tmp_path: Path):
    def reply(request: Request) -> str:
        return "" if request.messages[-1].text.startswith("A model") else "```\nGo step by step.\n```"

    writer = Scripted(reply, name="scripted:writer")
    planned = plan_prompt_search(task(), steps(), start="Be quick.", proposers=["reflect", "induce"], writer=writer)
    _, summary = searched(tmp_path, planned)
    assert summary["verdict"] == "improved"


def test_a_writer_that_declines_is_heard_in_the_notes(tmp_path: Path):
    def reply(request: Request) -> str:
        raise Refused("not today")

    model = doubling(lambda request: 0.3)
    planned = plan_prompt_search(task(), model, proposers=["induce"], writer=Scripted(reply, name="scripted:writer"))
    _, summary = searched(tmp_path, planned)
    assert summary["search"]["stopped"] == "nothing new"
    assert any("scripted:writer gave no prompt: not today" in note for note in summary["notes"])


def test_the_writers_calls_are_paid_from_the_same_budget(tmp_path: Path):
    writer = Writer("Guess.", "Go on.")
    model = doubling(lambda request: 0.3)
    _, summary = written(model, writer, "induce", tmp_path, limits=BudgetLimits(calls=150))
    assert writer.asked
    assert len(writer.asked) + len(model.requests) == summary["usage"]["calls"] <= 150


def test_a_proposer_that_writes_needs_a_writer_and_names_are_checked():
    with pytest.raises(BadInput, match="induce needs a model that writes prompts: --writer"):
        plan_prompt_search(task(), steps(), proposers=["edits", "induce"])
    with pytest.raises(UnknownName, match="did you mean 'edits'"):
        plan_prompt_search(task(), steps(), proposers=["edit"])
    with pytest.raises(BadInput, match="3 words, more than --max-words 2"):
        plan_prompt_search(task(), steps(), start="one two three", max_words=2)


def test_from_python_it_is_one_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("JIELONG_HOME", str(tmp_path))
    summary = search_prompts(
        task(), steps(), start="Be quick.", place="after", proposers=["edits"], out=tmp_path / "out"
    )
    assert summary["verdict"] == "improved"
    assert json.loads((tmp_path / "out" / "prompts.json").read_text("utf-8")) == summary
    pairs = [json.loads(line) for line in (tmp_path / "out" / "holdout_test.jsonl").read_text("utf-8").splitlines()]
    gained = sum(pair["best"]["score"] - pair["start"]["score"] for pair in pairs)
    assert gained / len(pairs) == pytest.approx(summary["holdout_test"]["difference"])


# ---- one more time ----


def test_the_same_search_again_pays_nothing_and_says_the_same(tmp_path: Path):
    model = doubling(lambda request: 0.9 if "step by step" in prompt_of(request) else 0.3)
    planned = plan_prompt_search(task(), model, start="Be quick.", limits=BudgetLimits(calls=500))
    _, first = searched(tmp_path, planned, out=tmp_path / "out")
    lines, requests = tried(tmp_path), len(model.requests)
    _, again = searched(tmp_path, planned, out=tmp_path / "out")
    assert len(model.requests) == requests
    assert again["usage"].pop("cached_calls") == first["usage"]["calls"]
    first["usage"].pop("cached_calls")
    assert again == first
    assert tried(tmp_path) == lines
