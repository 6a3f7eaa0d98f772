"""What is found of a task in a corpus: real questions, planted in real text in many forms, beside boilerplate."""

from __future__ import annotations

import bz2
import gzip
import json
import random
import textwrap
from pathlib import Path

import numpy as np
import pytest

from jielong.documents.corpus import corpus_files, read_passages
from jielong.documents.ngrams import BARRIER, NgramIndex, tokens_of
from jielong.errors import BadInput
from jielong.measuring.contamination_record import keep_corpus, known_findings
from jielong.measuring.corpus_search import CorpusSearch, search_corpus
from jielong.tasks.load_task import load_task
from jielong.tasks.task import Task

EN = [
    "Natalia sold clips to 48 of her friends in April, and then half as many in May. How many clips did she sell?",
    "Weng earns $12 an hour for babysitting. Yesterday, she did 50 minutes of it. How much did she earn that day?",
    "Which of the two kingdoms of Upper and Lower Egypt wore the white crown before Narmer's unification?",
    "What is the boiling point of water at the top of a mountain that is 3,000 metres high, in degrees Celsius?",
]
ZH = ["牛的发情周期平均为多少天，一年四季都能繁殖吗？", "下列关于细胞膜结构与功能的叙述，哪一项是不正确的？"]
FILLER = "The quick brown fox jumps over the lazy dog while nobody in the village watches the river. " * 40
FILLER_ZH = "今天天气很好，我们去公园散步，看见许多人在湖边钓鱼，还有孩子在草地上放风筝。" * 40


def task(folder: Path, questions: list[str], **columns: list[str]) -> Task:
    file = folder / "task.jsonl"
    rows = [{"input": q, "answer": "7", **{n: c[i] for n, c in columns.items()}} for i, q in enumerate(questions)]
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return load_task(str(file))


def search(folder: Path, of: Task, text: str, name: str = "corpus.txt") -> CorpusSearch:
    (folder / name).write_text(text)
    return search_corpus(of, [folder / name])


def found(result: CorpusSearch) -> set[str]:
    questions = {item.id: item.input for item in result.task.items}
    return {str(questions[item.id]) for item in result.found if item.whole}


FORMS = {
    "verbatim": lambda q: q,
    "embedded": lambda q: f"He asked her, {q} and she had no answer.",
    "rewrapped": lambda q: "\n> ".join(textwrap.wrap(q, 30)) if " " in q else "\n".join(textwrap.wrap(q, 7)),
    "in capitals and bold": lambda q: f"**{q.upper()}**",
    "other punctuation": lambda q: q.replace(",", " –").replace("'", "’").replace("，", "  "),
    "full width": lambda q: q.replace("?", "？").replace("2", "２"),
    "as JSON in a text": lambda q: json.dumps({"question": q}),
    "soft hyphens": lambda q: q.replace("ll", "l\u00adl"),
    "a ligature": lambda q: q.replace("fi", "ﬁ"),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_verbatim_question_is_found(form: str, tmp_path: Path):
    of = task(tmp_path, EN + ZH)
    planted = [EN[0], EN[2], ZH[0]]
    text = FILLER + "\n".join(FORMS[form](q) + "\n" + FILLER_ZH for q in planted) + FILLER
    assert found(search(tmp_path, of, text)) == set(planted)


def test_boilerplate_and_other_items_of_a_template_are_not_found(tmp_path: Path):
    names = ["Ann", "Bob", "Cem", "Dai", "Eva"]
    template = "Read the following text with care and answer in one word: how many apples does {} have in {} baskets?"
    of = task(tmp_path, [template.format(name, i) for i, name in enumerate(names)] + EN)
    boilerplate = "Read the following text with care and answer in one word: how many apples does everybody have?\n"
    result = search(tmp_path, of, boilerplate * 50 + template.format("Cem", 2) + "\n" + boilerplate + FILLER)
    assert found(result) == {template.format("Cem", 2)}
    assert len(result.found) == 1


def test_what_most_questions_end_with_is_none_of_them(tmp_path: Path):
    questions = [
        "is tea grown in the south of wales",
        "did anybody ever swim across this lake",
        "are the oldest bees blue",
    ]
    of = task(tmp_path, [f"{q.capitalize()}? Answer yes or no." for q in questions])
    assert len(found(search(tmp_path, of, FILLER + questions[1] + "\n" + FILLER))) == 1


def test_a_short_question_is_found_as_a_sentence_or_with_its_answer_and_never_by_chance(tmp_path: Path):
    of = task(tmp_path, ["Who wrote it?", "Sum of 3 and 4", *EN])
    assert "Who wrote it?" in found(search(tmp_path, of, FILLER + "\nWho wrote it?\n"))
    by_chance = search(tmp_path, of, FILLER + " nobody knows who wrote it then " + FILLER)
    assert not by_chance.found
    assert len(by_chance.unjudged) == 1
    assert "Sum of 3 and 4" in found(search(tmp_path, of, "The sum of 3 and 4 is 7."))


def test_a_reworded_question_is_found_in_part(tmp_path: Path):
    of = task(tmp_path, EN)
    result = search(tmp_path, of, FILLER + EN[3].replace("What is the", "Tell me a").replace("Celsius", "C") + FILLER)
    assert [(item.whole, item.run >= 13) for item in result.found] == [(False, True)]


def test_questions_that_differ_in_their_choices_alone_are_told_apart(tmp_path: Path):
    question = "Which of the following statements about the matter is true?"
    of = task(
        tmp_path, [question, question, *EN], choices=["red|blue", "iron|gold", *["yes|no"] * 4], answer=list("ABABAB")
    )
    result = search(tmp_path, of, f"{FILLER}{question} (A) iron (B) gold\n{FILLER}")
    assert [item.id for item in result.found] == [of.items[1].id]


@pytest.mark.parametrize("kind", ["jsonl", "jsonl.gz", "json", "txt.bz2", "csv", "folder", "gb18030", "parquet"])
def test_every_kind_of_corpus_is_read_with_the_place(kind: str, tmp_path: Path):
    of, texts = task(tmp_path, EN + ZH), [FILLER, ZH[1], EN[1]]
    file = tmp_path / "corpus" / f"a.{kind}"
    file.parent.mkdir()
    rows = [{"meta": {"n": 1}, "pages": [text]} for text in texts]
    if kind == "parquet":
        pyarrow = pytest.importorskip("pyarrow")
        pytest.importorskip("pyarrow.parquet").write_table(pyarrow.table({"text": texts}), file)
    elif kind.startswith("json"):
        text = json.dumps(rows) if kind == "json" else "".join(json.dumps(row) + "\n" for row in rows)
        file.write_bytes(gzip.compress(text.encode()) if kind.endswith("gz") else text.encode())
    else:
        text = "\n".join(texts).encode("gb18030" if kind == "gb18030" else "utf-8")
        file.write_bytes(bz2.compress(text) if kind.endswith("bz2") else text)
        (file.parent / "picture.png").write_bytes(b"\x89PNG\0\0")
    result = search_corpus(of, [file.parent if kind == "folder" else file])
    assert found(result) == {ZH[1], EN[1]}
    assert {item.line for item in result.found} == {2, 3}


def test_the_task_itself_in_the_folder_is_not_searched(tmp_path: Path):
    of = task(tmp_path, EN)
    (tmp_path / "other.txt").write_text(FILLER)
    result = search_corpus(of, [tmp_path])
    assert not result.found
    assert "is the task itself" in result.notes[0]
    with pytest.raises(BadInput, match="no text to search"):
        search_corpus(of, [tmp_path / "task.jsonl"])


def test_a_question_across_two_pieces_of_a_long_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("jielong.documents.corpus.PIECE", 5000)
    of, rng = task(tmp_path, EN), random.Random(0)
    for _ in range(20):
        cut = rng.randrange(4900, 5100)
        assert found(search(tmp_path, of, (FILLER * 2)[:cut] + "\n" + EN[2] + "\n" + FILLER)) == {EN[2]}


def test_a_finding_is_kept_and_known_by_the_questions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("JIELONG_HOME", str(tmp_path / "home"))
    of = task(tmp_path, EN)
    keep_corpus(search(tmp_path, of, EN[0] + "\n" + FILLER))
    (finding,) = known_findings(load_task(str(tmp_path / "task.jsonl"), rule="contains", limit=3, seed=1), ["mini"])
    assert finding.counts(of) == {"whole": 1, "part": 0, "clean": 3, "unjudged": 0}
    assert not known_findings(load_task("mini:word_problems", limit=5), ["mini"])


def test_tokens_ignore_case_wrapping_width_and_what_is_not_seen():
    assert tokens_of("Ein Fuß, 中国").span(0, 9) == tokens_of("ein\n> FUSS 中\n国").span(0, 9)
    assert tokens_of("e\u0301te\u0301").span(0, 9) == tokens_of("Été").span(0, 9)
    assert len(tokens_of("中国的ABC")) == 4
    assert tokens_of("ab c").span(0, 9) != tokens_of("a bc").span(0, 9)
    assert len(tokens_of("")) == 0
    assert len(tokens_of("🙂 \u200b")) == 0


def test_the_index_finds_what_a_search_by_hand_finds():
    rng = random.Random(1)
    for _ in range(5):
        words = [rng.choice("ab cd ef 中 文".split()) for _ in range(300)]
        texts = [" ".join(rng.choice("ab cd ef 中 文".split()) for _ in range(9)) for _ in range(20)]
        index = NgramIndex(texts, 3)
        hits = index.find(tokens_of(" ".join(words)))
        by_hand = {
            (p, t, o)
            for t, text in enumerate(texts)
            for o in range(7)
            for p in range(298)
            if words[p : p + 3] == text.split()[o : o + 3]
        }
        assert set(zip(hits.positions.tolist(), hits.texts.tolist(), hits.offsets.tolist(), strict=True)) == by_hand


def test_passages_of_one_file_overlap_and_know_their_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("jielong.documents.corpus.PIECE", 100)
    file = tmp_path / "a.txt"
    file.write_text("".join(f"line {i}\n" for i in range(1, 200)))
    for passage in read_passages(corpus_files(file)[0], 50, print):
        whole = passage.text.split("\n")[1]
        if passage.text.count("\n") > 1:
            assert whole == f"line {passage.line + 1}"
    assert np.all(tokens_of(f"a{BARRIER}b").barriers() == [False, True, False])
