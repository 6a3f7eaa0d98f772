"""Preferences in the forms that people keep them in, and files that are wrong in the ways that theirs are."""

import json
from pathlib import Path

import pytest

from jielong.errors import BadInput
from jielong.training.data.preference_data import grouped_folds, read_preferences, without_shared_prompts

USER, GOOD, BAD = ({"role": role, "content": text} for role, text in
                   (("user", "Why?"), ("assistant", "Because."), ("assistant", "Go away.")))  # fmt: skip
HH = "\n\nHuman: Hi\n\nAssistant: Yes?\n\nHuman: Why?\n\nAssistant: {}"
SHARE = {"conversations": [{"from": "human", "value": "Why?"}], "chosen": {"from": "gpt", "value": "Because."},
         "rejected": {"from": "gpt", "value": "Go away."}}  # fmt: skip
RECORD = {"fields": {"prompt": "Why?", "response1": "Go away.", "response2": "Because."}}

FORMS = {
    "texts": {"prompt": "Why?", "chosen": "Because.", "rejected": "Go away."},
    "messages": {"prompt": [USER], "chosen": [GOOD], "rejected": [BAD]},
    "implicit messages": {"chosen": [USER, GOOD], "rejected": [USER, BAD]},
    "messages that repeat a text": {"prompt": "Why?", "chosen": [USER, GOOD], "rejected": [USER, BAD]},
    "messages that repeat messages": {"prompt": [USER], "chosen": [USER, GOOD], "rejected": [USER, BAD]},
    "messages as JSON in a cell": {"chosen": json.dumps([USER, GOOD]), "rejected": json.dumps([USER, BAD])},
    "ShareGPT": SHARE,
    "Alpaca": {"instruction": "Why?", "input": "", "chosen": "Because.", "rejected": "Go away."},
    "votes": {"prompt": "Why?", "model_a": "x", "model_b": "y", "response_a": "Go away.", "response_b": "Because.",
              "winner": "model_b"},
    "votes by name": {"prompt": "Why?", "model_a": "x", "model_b": "y", "response_a": "Go away.",
                      "response_b": "Because.", "winner": "y"},
    "outputs with a label": {"input": "", "question": "Why?", "output_1": "Because.", "output_2": "Go away.",
                             "label": 1},
    "ratings": {"prompt": "Why?", "generations": ["Go away.", "Because."], "ratings": [1, 5]},
    "Argilla's record": RECORD | {"responses": {"better": [{"value": "response2", "status": "submitted"}]}},
    "Argilla 1's record": RECORD | {"responses": [{"values": {"better": {"value": "response2"}}}]},
    "Argilla's ranking": RECORD | {"responses": {"better": [{"value": [{"value": "response1", "rank": 2},
                                                                      {"value": "response2", "rank": 1}]}]}},
    "Argilla's table": {**RECORD["fields"], "better.responses": ["response2"], "better.responses.users": ["u"]},
    "scores": {"prompt": "Why?", "chosen": "Because.", "rejected": "Go away.", "score_chosen": 9, "score_rejected": 2},
}  # fmt: skip


def written(tmp_path: Path, *rows: object) -> Path:
    file = tmp_path / "pairs.jsonl"
    file.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return file


@pytest.mark.parametrize("form", FORMS)
def test_every_form_says_the_same(form: str, tmp_path: Path):
    (preference,) = read_preferences(written(tmp_path, FORMS[form])).preferences
    assert preference.prompt[-1]["content"] == "Why?"
    assert [turns[-1]["content"] for turns in (preference.chosen, preference.rejected)] == ["Because.", "Go away."]
    assert preference.preference == 1


def test_a_dialogue_of_hh_is_divided_where_its_replies_part(tmp_path: Path):
    (preference,) = read_preferences(
        written(tmp_path, {"chosen": HH.format("Because."), "rejected": HH.format("Go away.")})
    ).preferences
    assert [turn["role"] for turn in preference.prompt] == ["user", "assistant", "user"]
    assert preference.rejected[0]["content"] == "Go away."


def test_two_texts_are_divided_at_a_word(tmp_path: Path):
    rows = [
        {"chosen": "The sky is blue.", "rejected": "The sky is black."},
        {"chosen": "天是蓝的", "rejected": "天是黑的"},
    ]
    first, second = read_preferences(written(tmp_path, *rows)).preferences
    assert (first.prompt[0]["content"], first.chosen[0]["content"]) == ("The sky is ", "blue.")
    assert (second.prompt[0]["content"], second.rejected[0]["content"]) == ("天是", "黑的")


def test_ties_stay_ties(tmp_path: Path):
    base = FORMS["texts"]
    vote = {"prompt": "Why?", "response_a": "a", "response_b": "b"}
    rows = [
        base | {"score_chosen": 3, "score_rejected": 3}, base | {"preference": 0.5}, vote | {"winner": "tie"},
        vote | {"winner": "cannot_tell"}, {"prompt": "Why?", "generations": ["a", "b"], "ratings": [2, 2]},
        RECORD | {"responses": {"better": [{"value": "response1"}, {"value": "response2"}]}},
    ]  # fmt: skip
    assert {each.preference for each in read_preferences(written(tmp_path, *rows)).preferences} == {0.5}


def test_several_people_make_a_probability_and_several_replies_all_their_pairs(tmp_path: Path):
    answers = [{"value": "response1"}, {"value": "response2"}, {"value": "response2"}]
    rows = [
        RECORD | {"responses": {"better": answers}},
        {"prompt": "Why?", "generations": list("abc"), "ratings": [1, 2, 3]},
    ]
    first, *others = read_preferences(written(tmp_path, *rows)).preferences
    assert (first.preference, first.chosen[0]["content"]) == (pytest.approx(2 / 3), "Because.")
    assert [(each.chosen[0]["content"], each.rejected[0]["content"]) for each in others] == [
        ("b", "a"),
        ("c", "a"),
        ("c", "b"),
    ]
    assert len({each.cluster for each in others}) == 1


def test_two_standards_of_one_pair_are_two_preferences(tmp_path: Path):
    row = {"prompt": "Why?", "response_0": "a", "response_1": "b", "better_response_id": 0, "safer_response_id": 1}
    helpful, safe = read_preferences(written(tmp_path, row)).preferences
    assert (helpful.standard, helpful.chosen[0]["content"]) == ("helpful", "a")
    assert (safe.standard, safe.chosen[0]["content"]) == ("safe", "b")


_TEXTS = FORMS["texts"]
WRONG = {
    "not JSON": ("{prompt: 1", "not JSON"),
    "a list": ("[1, 2]", "expected a JSON object"),
    "chosen is null": (_TEXTS | {"chosen": None}, "chosen is null"),
    "rejected is missing": ({"prompt": "Why?", "chosen": "x"}, "rejected is missing"),
    "rejected is empty": (_TEXTS | {"rejected": ""}, "rejected is empty"),
    "only white space": (_TEXTS | {"rejected": "  \n"}, "empty"),
    "the same reply twice": (_TEXTS | {"rejected": "Because."}, "both replies are the same"),
    "the same text twice": ({"chosen": "The sky.", "rejected": "The sky."}, "both replies are the same"),
    "no prompt": ({"chosen": "Because.", "rejected": "Go away."}, "expected a column prompt"),
    "an empty prompt": (_TEXTS | {"prompt": ""}, "no prompt"),
    "messages without a question": ({"chosen": [GOOD], "rejected": [BAD]}, "no prompt"),
    "a reply of the user": ({"chosen": [USER, GOOD], "rejected": [USER, BAD, USER]}, "ends with user"),
    "an unknown role": ({"chosen": [USER, GOOD], "rejected": [USER, {"role": "bott", "content": "x"}]}, "unknown role"),
    "content is a number": ({"prompt": [USER], "chosen": [GOOD],
                             "rejected": [{"role": "assistant", "content": 5}]}, "int"),
    "the reply is a number": (_TEXTS | {"chosen": 7}, "int"),
    "a picture": ({"prompt": [USER], "chosen": [GOOD],
                   "rejected": [{"role": "assistant", "content": [{"type": "image_url", "image_url": {}}]}]},
                  "image_url"),
    "scores that contradict": (_TEXTS | {"score_chosen": 1, "score_rejected": 4}, "contradicts itself"),
    "a score that is a word": (_TEXTS | {"score_chosen": "good", "score_rejected": 4}, "score_chosen is 'good'"),
    "a margin that is a word": (_TEXTS | {"margin": "large"}, "margin is 'large'"),
    "a probability above 1": (_TEXTS | {"preference": 5}, "from 0 to 1"),
    "a vote for nobody": ({"prompt": "Why?", "response_a": "a", "response_b": "b"}, "nobody says which is better"),
    "a vote for a third": ({"prompt": "Why?", "response_a": "a", "response_b": "b", "winner": "model_c"}, "winner is"),
    "KTO": ({"messages": [USER, GOOD], "label": True}, "KTO"),
    "Alpaca without pairs": ({"instruction": "Why?", "output": "Because."}, "expected prompt, chosen and rejected"),
    "fewer ratings than replies": ({"prompt": "Why?", "generations": ["a", "b"], "ratings": [1]}, "one for each"),
    "a record nobody answered": (RECORD | {"responses": {"better": []}}, "no answer of a person"),
    "a record without responses": (RECORD, "nobody has compared"),
    "a record of one reply": ({"fields": {"prompt": "Why?", "response1": "x"}, "responses": {}}, "two responses"),
    "a record of nonsense": (RECORD | {"responses": [5, {"values": [1]}, {"values": {"x": 3}}]}, "no answer of a"),
    "safer than what": ({"prompt": "Why?", "response_0": "a", "response_1": "b", "better_response_id": 0,
                         "safer_response_id": 7}, "safer_response_id is '7'"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_row_is_named_by_file_and_line_and_set_aside(what: str, tmp_path: Path):
    row, words = WRONG[what]
    read = read_preferences(written(tmp_path, _TEXTS, row))
    assert len(read.preferences) == 1
    assert read.problems[0].startswith(f"{tmp_path / 'pairs.jsonl'}:2: ")
    assert words in read.problems[0]
    assert "\n" not in read.problems[0]
    assert any("1 of 2 rows were set aside" in text for text in read.notes)
    with pytest.raises(BadInput, match=r"pairs\.jsonl:2: "):
        read_preferences(tmp_path / "pairs.jsonl", strict=True)


@pytest.mark.parametrize("what", WRONG)
def test_a_file_of_wrong_rows_alone_is_refused_in_one_line(what: str, tmp_path: Path):
    with pytest.raises(BadInput) as refusal:
        read_preferences(written(tmp_path, WRONG[what][0]))
    assert "\n" not in str(refusal.value)


def test_no_prompt_is_on_both_sides_of_a_division(tmp_path: Path):
    rows = [_TEXTS | {"prompt": f"Why {i // 3}?"} for i in range(60)]
    read = read_preferences(written(tmp_path, *rows)).preferences
    folds = grouped_folds(read, 5)
    assert sorted(set(folds)) == [0, 1, 2, 3, 4]
    assert all(len({folds[j] for j in range(60) if read[j].cluster == read[i].cluster}) == 1 for i in range(60))
    notes: list[str] = []
    assert len(without_shared_prompts(read[:9], read[6:], notes.append)) == 6
    assert "3 rows of the evaluation were left out" in notes[0]
    with pytest.raises(BadInput, match="no test"):
        without_shared_prompts(read[:3], read, notes.append)
