"""Instruction induction (Honovich et al. 2022): its files are tasks, and prompt search runs on them at any endpoint."""

import json
from pathlib import Path
from typing import Any

import anyio
import pytest

from endpoint import Answer, Endpoint
from grading import score
from jielong.cli import group
from jielong.tasks.load_task import load_task

pytestmark = pytest.mark.real

FILES = (
    "active_to_passive cause_and_effect diff letters_list negation orthography_starts_with rhymes second_word_letter "
    "sentence_similarity sentiment singular_to_plural taxonomy_animal translation_en-fr"
).split()


@pytest.mark.parametrize("name", FILES)
def test_gold_scores_one_and_wrong_scores_nothing(name: str, data: Path):
    task = load_task(str(data / f"instruction_induction/raw/execute/{name}.json"))
    assert len(task.items) == (25 if name == "cause_and_effect" else 100)
    assert task.rejected == ()

    async def scores() -> tuple[float, float]:
        right = [await score(task, item, item.accepted[-1]) for item in task.items]
        off = [await score(task, item, "987654") for item in task.items]
        return sum(right) / len(right), sum(off)

    assert anyio.run(scores) == (1.0, 0.0)


def test_the_members_of_a_category_may_come_in_any_order(data: Path):
    task = load_task(str(data / "instruction_induction/raw/execute/taxonomy_animal.json"))
    item = task.items[0]
    things = item.accepted[0].split(", ")

    assert anyio.run(score, task, item, ", ".join(reversed(things))) == 1
    assert anyio.run(score, task, item, ", ".join(things[1:])) == 0
    assert anyio.run(score, task, item, ", ".join([*things, "bike"])) == 0


@pytest.mark.parametrize("name", FILES)
def test_prompt_search_runs_on_it_at_an_endpoint(
    name: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """The writer knows the instructions that people wrote for this task; the model does the task when it is told so."""
    file = data / f"instruction_induction/raw/execute/{name}.json"
    annotations = data / f"instruction_induction/annotations/{name}.json"
    people = [text for text in json.loads(annotations.read_text("utf-8"))["annotations"] if text]
    gold = {item.request().messages[-1].text: item.accepted[0] for item in load_task(str(file)).items}

    def behaviour(body: dict[str, Any], n: int) -> Answer:
        *system, last = body["messages"]
        if body["model"] == "writer":
            assert any(question in last["content"] for question in gold)
            return Answer(f"```\n{people[n % len(people)]}\n```")
        told = any(message["content"].strip() in map(str.strip, people) for message in system)
        return Answer(gold[last["content"]] if told else "987654")

    monkeypatch.setenv("JIELONG_HOME", str(tmp_path))
    with Endpoint(behaviour) as stub:
        command = ["prompts", "search", str(file), "-m", f"openai:solver@{stub.url}", "--json", "--start", "Go on."]
        options = ["--writer", f"openai:writer@{stub.url}", "--proposer", "induce", "--budget-calls", "150"]
        group.main([*command, *options], standalone_mode=False)
    said = json.loads(capsys.readouterr().out)
    assert said["verdict"] == "improved"
    assert said["holdout_test"]["difference"] == 1
    assert said["prompt"]["text"].strip() in map(str.strip, people)
