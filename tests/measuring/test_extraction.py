"""Rules and their doubt: unread replies and the range of the score over other extractors; `--show`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from jielong import Request, Scripted, evaluate
from jielong.answers.thoughts import without_thoughts
from jielong.cli.eval import eval_
from jielong.contract import Message, Reply
from jielong.tasks.item import Item
from jielong.tasks.metric import LabelMetric, Metric, find_metric
from jielong.tasks.task import Task


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIELONG_HOME", str(tmp_path))


def task(metric: Metric, replies: list[tuple[str, str]], choices: tuple[str, ...] = ()) -> tuple[Task, Scripted]:
    """Each reply with its gold answer."""
    items = tuple(Item(str(i), f"Question {i}.", (gold,), choices) for i, (_, gold) in enumerate(replies))

    def answer(request: Request) -> str:
        return replies[int(request.messages[-1].text.split("Question ")[1].split(".")[0])][0]

    return Task("t", items, metric, "", ""), Scripted(answer)


def test_other_extractors_count_where_they_read_and_the_rule_counts_elsewhere():
    replies = [("42", "42"), ("The answer is 7. It took 3 steps.", "7"), ("I cannot say.", "1"), ("#### 5", "5")]
    result = evaluate(*task(find_metric("number"), replies)).results[0]
    by = {each.name: (each.read, each.score.mean) for each in result.readings}
    assert by == {"last_number": (3, 0.5), "first_number": (3, 0.75), "behind_hashes": (1, 0.75)}
    assert (result.failed_extraction, result.extraction_range) == (1, (0.5, 0.75))
    assert result.to_json()["extraction"] == {
        "unread": 0.25, "range": [0.5, 0.75], "by": {name: {"read": r, "mean": m} for name, (r, m) in by.items()},
    }  # fmt: skip


def test_a_score_that_only_the_rule_can_read_shows_its_doubt():
    choices = ("a car", "a tree")
    replies = [("B because a car moves, unlike A", "B"), ("Answer seems to be A", "A"), ("None of the above", "A")]
    result = evaluate(*task(find_metric("choice"), replies, choices)).results[0]
    assert result.extraction_range == (pytest.approx(1 / 3), pytest.approx(2 / 3))
    assert {each.name: each.read for each in result.readings} == {"first_letter": 2, "last_letter": 2}


def test_labels_tests_and_lost_items_have_their_say():
    replies = [("positive, not negative", "positive"), ("negative", "negative")]
    metric = LabelMetric(("positive", "negative"))
    assert evaluate(*task(metric, replies)).results[0].extraction_range == (0.5, 1)
    items, model = task(find_metric("json"), [("[1]", "[1]")])
    assert evaluate(items, model).results[0].to_json()["extraction"] == {"unread": 0, "range": None, "by": {}}


def test_thoughts_are_never_graded_and_an_unclosed_one_is_an_incomplete_reply():
    replies = [("<think>5</think>7", "7"), ("<think>The answer is 7", "7"), ("[THINK]7[/THINK]8", "7")]
    seen: list[str] = []

    class Seen:
        name, max_tokens, unit = "seen", 100, "share"

        def extract(self, reply: Reply) -> str | None:
            return reply.text

        async def score(self, item: Item, reply: Reply):
            seen.append(reply.text)
            return await find_metric("number").score(item, reply)

        def same(self, a: str, b: str) -> bool:
            return a == b

    result = evaluate(*task(Seen(), replies)).results[0]
    assert sorted(seen) == ["7", "8"]
    assert [answer.score for answer in result.answers] == [1, 0, 0]
    cut_off = result.answers[1]
    assert str(cut_off.error).startswith("Truncated: the reply ends within a thought")
    assert (cut_off.text, result.failed, result.failed_extraction) == ("<think>The answer is 7", 1, 0)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_show_prints_the_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str):
    monkeypatch.setenv("JIELONG_LANG", language)
    file, script = tmp_path / "task.jsonl", tmp_path / "replies.jsonl"
    file.write_text("".join(json.dumps({"input": f"What is {i}?", "answer": str(i)}) + "\n" for i in range(3)))
    lines = [{"contains": "0?", "reply": "0"}, {"contains": "1?", "reply": "I\ncannot say"}, {"reply": "It is 9."}]
    script.write_text("".join(json.dumps(line) + "\n" for line in lines))

    def shown(which: str, *more: str) -> str:
        options = [str(file), "-m", f"scripted:{script}", "--show", which, *more]
        return CliRunner().invoke(eval_, options, catch_exceptions=False).stdout

    wrong, unread = shown("wrong"), shown("unread")
    assert "It is 9." in wrong
    assert "cannot say" in wrong
    assert "cannot say" in unread
    assert "It is 9." not in unread
    assert "What is 2?" in wrong
    json.loads(shown("wrong", "--json"))


def test_a_truncated_reply_is_shown_and_not_graded():
    def answer(request: Request) -> Reply:
        return Reply(Message("assistant", "The answer is 4"), "length")

    items, _ = task(find_metric("number"), [("", "4")])
    (result,) = evaluate(items, Scripted(answer)).results
    assert (result.answers[0].text, result.answers[0].score, result.failed) == ("The answer is 4", 0, 1)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("`<think>` opens a thought, `</think>` ends it.", "`<think>` opens a thought, `</think>` ends it."),
        ('<think>He said "5"</think>7', "7"),
        ("<|channel|>analysis<|message|>5<|end|><|start|>assistant<|channel|>final<|message|>7<|return|>", "7"),
        ('<think a="b">5</think>7', "7"),
        ("5\n</think>7", "7"),
        ("7<|end|>", "7<|end|>"),
    ],
)
def test_what_is_left_of_a_text_without_its_thoughts(text: str, answer: str):
    assert without_thoughts(text) == answer
