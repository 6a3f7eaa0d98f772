"""What is a citation and what is none, and which of them hold."""

from __future__ import annotations

import pytest

from jielong.documents.document import Chunk
from jielong.techniques.citations import check_citations

TEXTS = (
    "The Corran bridge is 1,991 metres long. It was not opened before 1998, and it can't carry trains [8]. "
    'The engineer, Mary O’Neil, called it "a well-known risk". It rests on two steel towers.',
    "Marie Curie was born in Warsaw in 1867. She shared the Nobel Prize in 1903; as shown elsewhere [4], she won it "
    "twice.",
    "def first(arr):\n    return arr[0]\n\nUse arr[1] for the second element, as in the manual [1].",
    "明石海峡大桥全长３９１１米，于1998年通车。设计者说：“它不会倒。”它横跨明石海峡（见[4]）。",
    "The temperature fell to −12.5 °C. Some 10,000 people stayed; none were hurt. See Smith et al. [1].",
)
CHUNKS = tuple(Chunk(f"{n}.txt", 100 * n, 100 * n + len(text), text, page=n) for n, text in enumerate(TEXTS, 1))

HONEST = [  # the reply, and the numbers of the sources that it cites
    ("The bridge is 1,991 metres long [1].", [1]),
    ("It is “1,991 metres long” [1].", [1]),
    ("It is ‘1991 metres long’[1].", [1]),
    ('"It was not opened before 1998" [1], and it "can’t carry trains" [1].', [1, 1]),
    ("It was called “a well known risk” [1].", [1]),
    ("It was called “a well‑known\nrisk” [1].", [1]),
    ("She was born in Warsaw[2].", [2]),
    ("She was born in Warsaw.[2]", [2]),
    ("She was born in Warsaw. [2]", [2]),
    ("She was born in Warsaw in **1867** [Source 2].", [2]),
    ("She was born in 1867【2】.", [2]),
    ("She was born in 1867 [2†source].", [2]),
    ("According to [2], she was born in Warsaw.", [2]),
    ("As [2] says, she was born in Warsaw in 1867.", [2]),
    ("She was born in Warsaw, and the bridge rests on two steel towers [1][2].", [1, 2]),
    ("She was born in Warsaw, and the bridge rests on two steel towers [1, 2].", [1, 2]),
    ("She was born in 1867 [2]. The bridge is 1,991 m long [1].", [1, 2]),
    ("- Born: Warsaw [2]\n- Length: 1,991 metres [1]", [1, 2]),
    ("1. The bridge rests on two towers [1].\n2. She shared the Nobel Prize [2].", [1, 2]),
    ("> Marie Curie was born in Warsaw in 1867.\n\n— [2]", [2]),
    ("[2] says:\n> She shared the Nobel Prize in 1903", [2]),
    ("“Marie Curie was born … in 1867” [2].", [2]),
    ("“Marie Curie … won it twice” [2].", [2]),
    ("“[Curie] was born in Warsaw” [2].", [2]),
    ("大桥全长3911米[4]。", [4]),
    ("大桥“全长 3911 米”[4]。", [4]),
    ("设计者说：「它不会倒」［4］。", [4]),
    ("大桥全长３９１１米，于 1998 年通车【4】。", [4]),
    ("根据[4]，大桥于1998年通车。", [4]),
    ("据资料[4]，大桥于1998年通车。", [4]),
    ("The temperature fell to −12.5 °C [5].", [5]),
    ("“The temperature fell to -12.5°C” [5].", [5]),
    ("Some 10 000 people stayed [5].", [5]),
    ("The second element is `arr[1]` [3].", [3]),
    ('The answer to "How long is it?" is 1,991 metres [1].', [1]),
    ("It was opened after the “test”, in 1998 [1].", [1]),
    ("It rests on 2 steel towers [1].", [1]),
    ("She was born in 1867 ([2]).", [2]),
    ("She was born in 1867 (see [2]).", [2]),
    ("She was born in 1867 [2](http://example.org/2).", [2]),
    ("It says “She shared the Nobel Prize in 1903.”[2] That is all.", [2]),
    ("Mr. O’Neil? No: Mary O'Neil was the engineer [1].", [1]),
    ("The bridge (1,991 metres) rests on two steel towers [1]; Curie was born in Warsaw [2].", [1, 2]),
]
NO_CITATION = [
    "arr[0] is the first element.",
    "x[1] = 5 sets the second one.",
    "Write `arr[1]` for that.",
    "```python\nprint(arr[1], arr[2])\n```",
    "    return arr[1]",
    "In values[1].name there is a name.",
    "It is as shown elsewhere [8].",  # the number of a source, carried over: there are five
    "as in the manual [1]",
    "She won it twice, as shown elsewhere [4]",
    "Use arr[1] for the second element.",
    "The list is [1, 2, 3] + [4].",
    "f([1, 2])",
    "See Smith et al. [1].",
    "matrix[1][2] is a cell.",
    "The year [1998] is in brackets.",
    "- [ ] to do\n- [x] done",
    "没有引用。",
    "data_2[1] holds it.",
]
WRONG = [  # the reply, the kind of problem
    ("It is “1,992 metres long” [1].", "not_in_sources"),
    ("It is “991 metres long” [1].", "not_in_sources"),
    ("“It was opened before 1998” [1].", "not_in_sources"),
    ("It “can carry trains” [1].", "not_in_sources"),
    ("“Marie Curie was born in Cracow” [2].", "not_in_sources"),
    ("“Marie Curie was born in Warsaw” [1].", "in_another_source"),
    ("“Marie Curie was born in Warsaw” [9].", "no_such_source"),
    ("The text says that “Marie Curie was born in Paris in 1868”.", "not_in_sources"),
    ("> Marie Curie was born in Paris.\n\n[2]", "not_in_sources"),
    ("She was born in 1868 [2].", "unsupported"),
    ("She was born in Cracow [2].", "unsupported"),
    ("She was born in Warsaw [1].", "unsupported"),
    ("It was opened before 1998 [1].", "unsupported"),
    ("“The temperature fell to 12.5 °C” [5].", "not_in_sources"),
    ("Some 1,000 people stayed [5].", "unsupported"),
    ("大桥“全长3912米”[4]。", "not_in_sources"),
    ("设计者说：“它会倒”[4]。", "not_in_sources"),
    ("大桥全长3912米[4]。", "unsupported"),
    ("大桥“全长3911米”[1]。", "in_another_source"),
    ("大桥于1999年通车[4]。", "unsupported"),
    ("Marie Curie was born in Warsaw in 1867 [7].", "no_such_source"),
    ("Bananas are rich in potassium [5].", "unsupported"),
    ("香蕉含有很多钾[4]。", "unsupported"),
    ("“Marie Curie … born in Warsaw … in 1904” [2].", "not_in_sources"),
]


@pytest.mark.parametrize(("reply", "cited"), HONEST, ids=[reply[:40] for reply, _ in HONEST])
def test_an_honest_citation_is_accepted(reply: str, cited: list[int]):
    checked = check_citations(reply, CHUNKS, "How long is it?")
    assert checked.problems == ()
    assert sorted(source.number or 0 for source in checked.sources) == cited


@pytest.mark.parametrize("reply", NO_CITATION)
def test_what_refers_to_no_source_is_no_citation(reply: str):
    checked = check_citations(reply, CHUNKS)
    assert checked.sources == ()
    assert all(problem.kind == "no_such_source" for problem in checked.problems)


@pytest.mark.parametrize(("reply", "kind"), WRONG, ids=[reply[:40] for reply, _ in WRONG])
def test_what_is_wrong_is_a_problem_and_no_source(reply: str, kind: str):
    checked = check_citations(reply, CHUNKS)
    assert kind in [problem.kind for problem in checked.problems]
    assert checked.sources == ()


def test_a_source_says_where_in_the_document_and_where_in_the_reply():
    reply = "She was “born in Warsaw” [2] and won [2]."
    first, second = check_citations(reply, CHUNKS).sources
    assert (first.document, first.page, first.number) == ("2.txt", 2, 2)
    assert TEXTS[1][first.start - 200 : first.end - 200] == first.text == "born in Warsaw"
    assert [reply[start:end] for source in (first, second) for start, end in source.cited_at] == ["[2]", "[2]"]
