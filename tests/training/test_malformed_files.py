"""Malformed training and preference files are told in one clear line each, with file and line where there is one."""

from pathlib import Path

import pytest

from jielong.errors import BadInput
from jielong.models.mini import WEIGHTS
from jielong.training.data.chat_tokenizer import ChatTokenizer
from jielong.training.data.data_sources import FileSource
from jielong.training.data.preference_data import read_preferences
from training.malformed_files import GOOD, PAIR, PREFERENCE_FILES, TRAINING_FILES, lines

CHAT = ChatTokenizer.from_folder(WEIGHTS)


def told(error: BadInput, file: Path, line: str, words: str) -> None:
    text = str(error)
    assert text.startswith(f"{file}{line}:")
    assert words in text
    assert "\n" not in text
    assert len(text) < 400


@pytest.mark.parametrize("name", TRAINING_FILES)
def test_a_malformed_training_file_is_one_line(name: str, tmp_path: Path):
    file, content, line, words = TRAINING_FILES[name]
    (tmp_path / file).write_bytes(content)
    with pytest.raises(BadInput) as caught:
        _ = FileSource(tmp_path / file, CHAT, 128).documents
    told(caught.value, tmp_path / file, line, words)


@pytest.mark.parametrize("name", PREFERENCE_FILES)
def test_a_malformed_preference_file_is_one_line(name: str, tmp_path: Path):
    file, content, line, words = PREFERENCE_FILES[name]
    (tmp_path / file).write_bytes(content)
    with pytest.raises(BadInput) as caught:
        read_preferences(tmp_path / file)
    told(caught.value, tmp_path / file, line, words)


def test_one_bad_row_among_a_thousand_costs_itself_alone(tmp_path: Path):
    bad = TRAINING_FILES["a call with broken arguments"][1]
    (tmp_path / "a.jsonl").write_bytes(lines(*[GOOD] * 500) + bad + lines(*[GOOD] * 499))
    assert len(FileSource(tmp_path / "a.jsonl", CHAT, 128).documents) == 999
    (tmp_path / "b.jsonl").write_bytes(lines(*[PAIR] * 500) + b"{\n" + lines(*[PAIR] * 499))
    found = read_preferences(tmp_path / "b.jsonl")
    assert len(found.preferences) == 999
