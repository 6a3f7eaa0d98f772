"""Preferences as others published them: LLaMA-Factory's demonstrations, hh-rlhf's dialogues."""

from pathlib import Path

import pytest

from jielong.errors import BadInput
from jielong.training.data.preference_data import read_preferences

DATA = Path(__file__).parents[3] / "shared" / "data"
pytestmark = pytest.mark.real


@pytest.mark.parametrize(
    ("name", "rows", "set_aside"),
    [
        ("demo_instruct_pref/dpo_en_demo.json", 300, 0),
        ("demo_instruct_pref/dpo_zh_demo.json", 300, 0),
        ("hh_rlhf_harmless/pairs.jsonl", 1143, 2),  # two replies are empty
    ],
)
def test_preferences_as_published(name: str, rows: int, set_aside: int):
    read = read_preferences(DATA / name)
    assert (len(read.preferences), len(read.problems)) == (rows, set_aside)
    assert all(each.prompt[-1]["role"] == "user" for each in read.preferences)


def test_kto_is_told_from_preferences():
    with pytest.raises(BadInput, match="KTO"):
        read_preferences(DATA / "demo_instruct_pref/kto_en_demo.json")
