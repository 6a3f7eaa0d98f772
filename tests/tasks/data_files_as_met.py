"""Task files as people have them: well-known layouts, what spreadsheets write, other encodings, odd separators.

Written by hand before the readers were mended for them. `Case.lost` are columns or facts that must be named.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

PASSAGE = "The Rhine rises in Switzerland and flows into the North Sea near Rotterdam."


@dataclass(frozen=True)
class Case:
    """`asked`: texts that the first item's request must hold, in order. `absent`: texts that it must not hold.
    `refused`: words of the error, where no task may come of the file."""

    kind: str
    name: str
    file: str
    content: bytes
    asked: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    items: int = 2
    metric: str | None = None
    lost: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    refused: str | None = None


def lines(*rows: dict[str, Any]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


FOUR = ("gas", "liquid", "solid", "plasma")
NLI = {"premise": "A man plays a guitar.", "hypothesis": "A man is making music.", "label": "entailment"}

LAYOUTS = [
    Case(
        "layouts", "MMLU-Pro", "test.jsonl",
        lines(*({"question_id": n, "question": "What is ice?", "options": [*FOUR, "a metal"], "answer": "C",
                 "answer_index": 2, "cot_content": "", "category": "physics", "src": "x"} for n in (1, 2))),
        ("What is ice?", "(C) solid", "(E) a metal"), ("C",), (*FOUR, "a metal"), metric="choice", lost=("src",),
    ),
    Case(
        "layouts", "ARC of the hub", "arc.jsonl",
        lines({"id": "a", "question": "What is ice?", "choices": {"text": list(FOUR), "label": list("ABCD")}, "answerKey": "C"},
              {"id": "b", "question": "What is steam?", "choices": {"text": list(FOUR), "label": list("1234")}, "answerKey": "1"}),
        ("What is ice?", "(C) solid"), ("C",), FOUR, metric="choice",
    ),
    Case(
        "layouts", "ARC with labels 1 to 4", "arc.jsonl",
        lines({"id": "b", "question": "What is steam?", "choices": {"text": list(FOUR), "label": list("1234")}, "answerKey": "4"},
              {"id": "a", "question": "What is ice?", "choices": {"text": list(FOUR), "label": list("ABCD")}, "answerKey": "C"}),
        ("What is steam?", "(A) gas"), ("D",), FOUR, metric="choice",
    ),
    Case(
        "layouts", "ARC as AI2 published it", "ARC-Easy-Test.jsonl",
        lines(*({"id": n, "question": {"stem": "What is ice?", "choices": [
            {"text": text, "label": label} for text, label in zip(FOUR, "ABCD", strict=True)]}, "answerKey": "C"} for n in "ab")),
        ("What is ice?", "(C) solid"), ("C",), FOUR, metric="choice",
    ),
    Case(
        "layouts", "OpenBookQA", "obqa.jsonl",
        lines(*({"id": n, "question_stem": "Ice is a", "choices": {"text": list(FOUR), "label": list("ABCD")}, "answerKey": "C"}
                for n in "ab")),
        ("Ice is a", "(B) liquid"), ("C",), FOUR, metric="choice",
    ),
    Case(
        "layouts", "CommonsenseQA", "csqa.jsonl",
        lines(*({"id": n, "question": "What is ice?", "question_concept": "ice", "answerKey": "C",
                 "choices": {"label": list("ABCD"), "text": list(FOUR)}} for n in "ab")),
        ("What is ice?", "(D) plasma"), ("C",), FOUR, metric="choice", lost=("question_concept",),
    ),
    Case(
        "layouts", "MMLU of the hub", "mmlu.jsonl",
        lines(*({"question": "What is ice?", "subject": "physics", "choices": list(FOUR), "answer": n} for n in (2, 0))),
        ("What is ice?", "(C) solid"), ("C",), FOUR, metric="choice",
    ),
    Case(
        "layouts", "MMLU as published", "astronomy_test.csv",
        b'What is ice?,gas,liquid,solid,plasma,C\n"Steam, hot, is",gas,liquid,solid,plasma,A\nDew?,gas,liquid,solid,plasma,B\n',
        ("What is ice?", "(C) solid"), ("C",), FOUR, 3, "choice",
    ),
    Case(
        "layouts", "C-Eval", "chemistry_val.csv",
        "id,question,A,B,C,D,answer,explanation\n0,冰是____。,气体,液体,固体,等离子体,C,水在零度结冰。\n1,水蒸气是____。,气体,液体,固体,等离子体,A,\n".encode(),
        ("冰是____。", "(C) 固体"), ("C",), ("气体", "液体", "固体", "等离子体"), metric="choice", lost=("explanation",),
    ),
    Case(
        "layouts", "HellaSwag", "hellaswag.jsonl",
        lines(*({"ind": 1, "activity_label": "Cooking", "ctx_a": "A man", "ctx_b": "he", "ctx": "A man opens an egg. he",
                 "endings": list(FOUR), "source_id": "x", "split": "val", "label": label} for label in ("2", "0"))),
        ("A man opens an egg. he", "(A) gas"), ("C",), FOUR, metric="choice", lost=("activity_label",),
    ),
    Case(
        "layouts", "WinoGrande", "winogrande.jsonl",
        lines({"sentence": "Ann asked Mary because _ knew.", "option1": "Ann", "option2": "Mary", "answer": "2"},
              {"sentence": "Tom asked Jim because _ did not know.", "option1": "Tom", "option2": "Jim", "answer": "1"}),
        ("Ann asked Mary because _ knew.", "(B) Mary"), ("B",), ("Ann", "Mary"), metric="choice",
    ),
    Case(
        "layouts", "PIQA", "piqa.jsonl",
        lines({"goal": "To open a jar,", "sol1": "twist the lid.", "sol2": "freeze it.", "label": 0},
              {"goal": "To dry hands,", "sol1": "wet them.", "sol2": "use a towel.", "label": 1}),
        ("To open a jar,", "(A) twist the lid."), ("A",), ("twist the lid.", "freeze it."), metric="choice",
    ),
    Case(
        "layouts", "SocialIQA", "siqa.jsonl",
        lines({"context": "Ann fell off her bike.", "question": "How does Ann feel?", "answerA": "hurt", "answerB": "proud",
               "answerC": "bored", "label": "1"},
              {"context": "Tom won.", "question": "How does Tom feel?", "answerA": "sad", "answerB": "hurt", "answerC": "glad", "label": "3"}),
        ("Ann fell off her bike.", "How does Ann feel?", "(C) bored"), ("A",), ("hurt", "proud", "bored"), metric="choice",
    ),
    Case(
        "layouts", "RACE", "race.jsonl",
        lines(*({"example_id": "x", "article": PASSAGE, "answer": "B", "question": "Where does the Rhine rise?",
                 "options": ["Italy", "Switzerland", "France", "Austria"]} for _ in "ab")),
        (PASSAGE, "Where does the Rhine rise?", "(B) Switzerland"), ("B",), ("Italy", "Switzerland", "France", "Austria"), metric="choice",
    ),
    Case(
        "layouts", "AGIEval", "lsat.jsonl",
        lines(*({"passage": PASSAGE, "question": "Where does the Rhine rise?", "options": ["(A)Italy", "(B)Switzerland", "(C)France"],
                 "label": "B", "answer": None} for _ in "ab")),
        (PASSAGE, "Where does the Rhine rise?", "(B) Switzerland"), ("B",), ("Italy", "Switzerland", "France"), metric="choice",
    ),
    Case(
        "layouts", "LogiQA", "logiqa.jsonl",
        lines(*({"context": PASSAGE, "query": "Where does the Rhine rise?", "options": ["Italy", "Switzerland", "France"],
                 "correct_option": n} for n in (1, 0))),
        (PASSAGE, "Where does the Rhine rise?", "(B) Switzerland"), ("B",), ("Italy", "Switzerland", "France"), metric="choice",
    ),
    Case(
        "layouts", "MedMCQA", "medmcqa.jsonl",
        lines(*({"id": str(n), "question": "What is ice?", "opa": "gas", "opb": "liquid", "opc": "solid", "opd": "plasma", "cop": n,
                 "exp": "Cold."} for n in (2, 0))),
        ("What is ice?", "(C) solid"), ("C",), FOUR, metric="choice", lost=("exp",),
    ),
    Case(
        "layouts", "MedQA", "medqa.jsonl",
        lines(*({"question": "What is ice?", "answer": "solid", "options": dict(zip("ABCD", FOUR, strict=True)),
                 "meta_info": "step1", "answer_idx": "C"} for _ in "ab")),
        ("What is ice?", "(C) solid"), ("C",), FOUR, metric="choice", lost=("meta_info",),
    ),
    Case(
        "layouts", "GPQA", "gpqa.csv",
        b"Question,Correct Answer,Incorrect Answer 1,Incorrect Answer 2,Incorrect Answer 3,Explanation\n"
        b"What is ice?,solid,gas,liquid,plasma,Cold.\nWhat is steam?,gas,solid,liquid,plasma,Hot.\n",
        ("What is ice?", "solid"), metric="choice", lost=("Explanation",),
    ),
    Case(
        "layouts", "Alpaca", "alpaca.json",
        json.dumps([{"instruction": "Translate into French.", "input": "water", "output": "eau"},
                    {"instruction": "Name a river.", "input": "", "output": "Rhine"}]).encode(),
        ("Translate into French.", "water"), ("eau",),
    ),
    Case(
        "layouts", "Alpaca without input first", "alpaca.jsonl",
        lines({"instruction": "Name a river.", "input": "", "output": "Rhine"},
              {"instruction": "Translate into French.", "input": "water", "output": "eau"}),
        ("Name a river.",), ("Rhine",),
    ),
    Case(
        "layouts", "Dolly", "dolly.jsonl",
        lines(*({"instruction": "Where does the Rhine rise?", "context": PASSAGE, "response": "Switzerland", "category": "closed_qa"}
                for _ in "ab")),
        (PASSAGE, "Where does the Rhine rise?"), ("Switzerland",), lost=("category",),
    ),
    Case(
        "layouts", "SQuAD of the hub", "squad.jsonl",
        lines(*({"id": n, "title": "Rhine", "context": PASSAGE, "question": "Where does the Rhine rise?",
                 "answers": {"text": ["Switzerland", "in Switzerland"], "answer_start": [15, 12]}} for n in "ab")),
        (PASSAGE, "Where does the Rhine rise?"), ("Switzerland", "in Switzerland"),
    ),
    Case(
        "layouts", "SQuAD as published", "dev-v1.1.json",
        json.dumps({"version": "1.1", "data": [{"title": "Rhine", "paragraphs": [{"context": PASSAGE, "qas": [
            {"id": "a", "question": "Where does the Rhine rise?", "answers": [{"text": "Switzerland", "answer_start": 15}]},
            {"id": "b", "question": "Which sea?", "answers": [{"text": "North Sea", "answer_start": 47}]}]}]}]}).encode(),
        (PASSAGE, "Where does the Rhine rise?"), ("Switzerland",),
    ),
    Case(
        "layouts", "SQuAD 2 has questions without answer", "dev-v2.0.json",
        json.dumps({"version": "v2.0", "data": [{"title": "Rhine", "paragraphs": [{"context": PASSAGE, "qas": [
            {"id": "a", "question": "Where does the Rhine rise?", "answers": [{"text": "Switzerland", "answer_start": 15}],
             "is_impossible": False},
            {"id": "b", "question": "How long is it?", "answers": [], "is_impossible": True}]}]}]}).encode(),
        (PASSAGE, "Where does the Rhine rise?"), ("Switzerland",), items=1, lost=("no answer",),
    ),
    Case(
        "layouts", "HotpotQA of the hub", "hotpot.jsonl",
        lines(*({"id": n, "question": "Where does the Rhine rise?", "answer": "Switzerland", "type": "bridge", "level": "hard",
                 "supporting_facts": {"title": ["Rhine"], "sent_id": [0]},
                 "context": {"title": ["Rhine", "Elbe"], "sentences": [[PASSAGE], ["The Elbe rises", " in Bohemia."]]}} for n in "ab")),
        (PASSAGE, "The Elbe rises in Bohemia.", "Where does the Rhine rise?"), ("Switzerland",), lost=("level",),
    ),
    Case(
        "layouts", "HotpotQA as published", "hotpot_dev_distractor_v1.json",
        json.dumps([{"_id": n, "question": "Where does the Rhine rise?", "answer": "Switzerland", "type": "bridge",
                     "context": [["Rhine", [PASSAGE]], ["Elbe", ["The Elbe rises", " in Bohemia."]]]} for n in "ab"]).encode(),
        (PASSAGE, "The Elbe rises in Bohemia.", "Where does the Rhine rise?"), ("Switzerland",), lost=("type",),
    ),
    Case(
        "layouts", "TriviaQA", "trivia.jsonl",
        lines(*({"question": "Which river?", "question_id": "x", "answer": {"aliases": ["The Rhine", "Rhein"], "value": "Rhine",
                 "normalized_aliases": ["rhine"], "type": "WikipediaEntity"}} for _ in "ab")),
        ("Which river?",), ("Rhine", "The Rhine", "Rhein"),
    ),
    Case(
        "layouts", "Natural Questions, open", "nq.jsonl",
        lines(*({"question": "where does the rhine rise", "answer": ["Switzerland", "the Alps"]} for _ in "ab")),
        ("where does the rhine rise",), ("Switzerland", "the Alps"),
    ),
    Case(
        "layouts", "SNLI", "snli.jsonl", lines(NLI, {**NLI, "label": "neutral"}),
        ("A man plays a guitar.", "A man is making music."), ("entailment",),
    ),
    Case(
        "layouts", "MRPC", "mrpc.csv",
        b"sentence1,sentence2,label\nIt rains.,Rain falls.,equivalent\nIt rains.,It snows.,not equivalent\n",
        ("It rains.", "Rain falls."), ("equivalent",),
    ),
    Case(
        "layouts", "StrategyQA", "strategyqa.jsonl",
        lines(*({"qid": "x", "question": "Does the Rhine reach the sea?", "answer": value, "facts": ["It does."]} for value in (True, False))),
        ("Does the Rhine reach the sea?",), ("yes",), metric="yes_no", lost=("facts",),
    ),
    Case(
        "layouts", "MATH", "algebra.jsonl",
        lines(*({"problem": "Solve $2x=6$.", "level": "Level 1", "type": "Algebra", "solution": "Dividing gives $x=\\boxed{3}$."}
                for _ in "ab")),
        ("Solve $2x=6$.",), ("3",), metric="number",
    ),
    Case(
        "layouts", "MGSM", "mgsm_zh.jsonl",
        lines(*({"question": "3加4等于几？", "answer": "逐步解答：3+4=7。答案是7。", "answer_number": 7, "equation_solution": "3+4=7"} for _ in "ab")),
        ("3加4等于几？",), ("7",), metric="number",
    ),
    Case(
        "layouts", "RouteLLM's results", "gsm8k_responses.csv",
        b"prompt,mistralai/Mixtral-8x7B,gpt-4,mistralai/Mixtral-8x7B_response,gpt-4_response\nWhat is 3 + 4?,True,True,7,7\n"
        b"What is 9 * 9?,False,True,80,eighty-one\n",
        ("What is 3 + 4?",), (), lost=("mistralai/Mixtral-8x7B", "gpt-4_response"), absent=("eighty-one",),
    ),
    Case(
        "layouts", "lettered columns in a CSV of one's own", "quiz.csv",
        b"question,option_a,option_b,option_c,answer\nWhat is ice?,gas,liquid,solid,c\nWhat is steam?,gas,liquid,solid,a\n",
        ("What is ice?", "(C) solid"), ("C",), FOUR[:3], metric="choice",
    ),
    Case(
        "layouts", "Chinese columns of options", "题库.csv",
        "题目,选项A,选项B,选项C,正确答案\n冰是什么？,气体,液体,固体,C\n水蒸气是什么？,气体,液体,固体,A\n".encode(),
        ("冰是什么？", "(C) 固体"), ("C",), ("气体", "液体", "固体"), metric="choice",
    ),
    Case(
        "layouts", "numbered columns and the text of the answer", "quiz.csv",
        b"Question,Choice 1,Choice 2,Choice 3,Answer\nWhat is ice?,gas,liquid,solid,solid\nWhat is steam?,gas,liquid,solid,gas\n",
        ("What is ice?", "(C) solid"), ("C",), FOUR[:3], metric="choice",
    ),
    Case(
        "layouts", "choices that nobody can read", "quiz.csv",
        b"question,options,answer\nWhat is ice?,see sheet 2,solid\nWhat is steam?,see sheet 2,gas\n", refused="see sheet 2",
    ),
    Case(
        "layouts", "columns that nobody uses", "own.csv",
        b"id,question,answer,author,remark\n1,What is 3 + 4?,7,Ann,easy\n2,What is 9 * 9?,81,Tom,\n",
        ("What is 3 + 4?",), ("7",), lost=("author", "remark"),
    ),
    Case(
        "layouts", "a column that only some lines have", "own.jsonl",
        lines({"question": "What is 3 + 4?", "answer": "7"}, {"question": "What is ice?", "answer": "C", "picture": "ice.png"}),
        ("What is 3 + 4?",), ("7",), lost=("picture",),
    ),
    Case(
        "layouts", "choices that only later lines have", "own.jsonl",
        lines({"question": "Is ice cold?", "answer": "A", "choices": ["yes", "no"]},
              {"question": "What is ice?", "answer": "C", "choices": list(FOUR)}),
        ("Is ice cold?", "(B) no"), ("A",), ("yes", "no"), metric="choice",
    ),
]  # fmt: skip

TWO = "question,answer\nWhat is 3 + 4?,7\nWhat is 9 * 9?,81\n"
ZH = "问题,答案\n一支笔3元，4支笔多少元？,12\n一本书9元，9本书多少元？,81\n"
ZH_TEXT = "问题,答案\n中国的首都是哪里？,北京\n日本的首都是哪里？,东京\n"
SEEN, GOLD = ("What is 3 + 4?",), ("7",)
SEEN_ZH, GOLD_ZH = ("一支笔3元，4支笔多少元？",), ("12",)


def odd(sign: str) -> bytes:
    cell = f"What is 3{sign}+ 4?"
    return f"question,answer\n{chr(34) + cell + chr(34) if sign == chr(10) else cell},7\nWhat is 9 * 9?,81\n".encode()


BYTES = [
    *(Case("lines", f"{name} in a CSV cell", "a.csv", odd(sign), (f"What is 3{sign}+ 4?",), GOLD)
      for name, sign in (("U+2028", "\u2028"), ("U+2029", "\u2029"), ("U+0085", "\u0085"), ("form feed", "\f"),
                         ("vertical tab", "\v"), ("file separator", "\x1c"), ("line feed", "\n"))),
    *(Case("lines", f"{name} in JSON lines", "a.jsonl",
           lines({"question": f"What is 3{sign}+ 4?", "answer": "7"}, {"question": "What is 9 * 9?", "answer": "81"}),
           (f"What is 3{sign}+ 4?",), GOLD) for name, sign in (("U+2028", "\u2028"), ("U+0085", "\u0085"))),
    Case("lines", "old Mac line ends", "a.csv", TWO.replace("\n", "\r").encode(), SEEN, GOLD),
    Case("lines", "Windows line ends", "a.csv", TWO.replace("\n", "\r\n").encode(), SEEN, GOLD),
    Case("lines", "Windows line ends in JSON lines", "a.jsonl", lines({"question": "What is 3 + 4?", "answer": "7"}, {"question": "x?", "answer": "8"}).replace(b"\n", b"\r\n"), SEEN, GOLD),
    Case("lines", "a cell of 200,000 letters", "a.csv", f"question,answer\n{'long ' * 40_000}What is 3 + 4?,7\nx?,8\n".encode(), SEEN, GOLD),
    Case("lines", "a comment before the header", "a.csv", f"# questions.csv\n{TWO}".encode(), SEEN, GOLD),
    Case("lines", "a comment with a comma", "a.csv", f"# my questions, second version\n{TWO}".encode(), SEEN, GOLD),
    Case("lines", "two comments", "a.csv", f"# questions.csv\n# by Ann\n{TWO}".encode(), SEEN, GOLD),
    Case("lines", "a comment before JSON lines", "a.jsonl", b"# questions\n" + lines({"question": "What is 3 + 4?", "answer": "7"}, {"question": "x?", "answer": "8"}), SEEN, GOLD),
    Case("lines", "a column called #", "a.csv", b"#,question,answer\n1,What is 3 + 4?,7\n2,What is 9 * 9?,81\n", SEEN, GOLD),
    Case("lines", "an empty line before the header", "a.csv", f"\n{TWO}".encode(), SEEN, GOLD),
    Case("lines", "empty rows of a spreadsheet", "a.csv", b"question,answer,,\nWhat is 3 + 4?,7,,\n,,,\nWhat is 9 * 9?,81,,\n,,,\n", SEEN, GOLD),
    Case("lines", "two columns of one name", "a.csv", b"text,text,answer\nWhat is 3 + 4?,sums,7\nWhat is 9 * 9?,products,81\n", refused="'text'"),
    Case("lines", "a row with a quote in the wrong place", "a.csv", b'question,answer\nWhat is 3 + 4?,7\n"What" is 5?,5\nWhat is 9 * 9?,81\n', SEEN, GOLD, lost=(":3:",)),
    Case("lines", "a quote that is never closed", "a.csv", b'question,answer\nWhat is 3 + 4?,7\n"What is 5?,5\nWhat is 9 * 9?,81\n', SEEN, GOLD, items=1, lost=("never closed",)),
    Case("lines", "no header", "a.csv", b"What is 3 + 4?,7\nWhat is 9 * 9?,81\n", refused="no header"),
    Case("lines", "a list in a file of JSON lines", "a.jsonl", json.dumps([{"question": "What is 3 + 4?", "answer": "7"}, {"question": "x?", "answer": "8"}], indent=1).encode(), SEEN, GOLD),
    Case("lines", "JSON by columns", "a.json", b'{"question": {"0": "What is 3 + 4?", "1": "x?"}, "answer": {"0": "7", "1": "8"}}', SEEN, GOLD),
    Case("lines", "JSON by lists", "a.json", b'{"question": ["What is 3 + 4?", "x?"], "answer": ["7", "8"]}', SEEN, GOLD),
    Case("lines", "JSON with rows under another name", "a.json", b'{"version": 1, "questions": [{"question": "What is 3 + 4?", "answer": "7"}, {"question": "x?", "answer": "8"}]}', SEEN, GOLD),
    Case("lines", ".ndjson", "a.ndjson", lines({"question": "What is 3 + 4?", "answer": "7"}, {"question": "x?", "answer": "8"}), SEEN, GOLD),
    Case("lines", ".CSV", "A.CSV", TWO.encode(), SEEN, GOLD),
    Case("NaN", "NaN in JSON lines", "a.jsonl", b'{"question": "What is 3 + 4?", "answer": 7}\n{"question": "What?", "answer": NaN}\n', SEEN, GOLD, items=1, lost=("no answer",)),
    Case("NaN", "nan in CSV", "a.csv", f"{TWO}What?,nan\n".encode(), SEEN, GOLD, lost=("no answer",)),
    Case("NaN", "NaN among labels", "a.csv", b"text,label\nI paid twice,billing\nIt crashes,technical\nHello,NaN\nRefund,billing\n", ("I paid twice",), ("billing",), items=3, lost=("no answer",)),
    Case("NaN", "an error of a spreadsheet", "a.csv", f"{TWO}What?,#DIV/0!\n".encode(), SEEN, GOLD, lost=("no answer",)),
    Case("NaN", "NaN as a question", "a.jsonl", b'{"question": "What is 3 + 4?", "answer": 7}\n{"question": NaN, "answer": 9}\n', SEEN, GOLD, items=1, lost=(":2:",)),
    Case("NaN", "whole numbers as floats", "a.jsonl", lines({"text": "What is 3 + 4?", "label": 7.0}, {"text": "x?", "label": 8.0}), SEEN, GOLD),
    Case("encodings", "UTF-8 with BOM", "a.csv", TWO.encode("utf-8-sig"), SEEN, GOLD),
    Case("encodings", "UTF-8 with BOM, quoted", "a.csv", b'\xef\xbb\xbf"question","answer"\n"What is 3 + 4?","7"\n"x?","8"\n', SEEN, GOLD),
    Case("encodings", "JSON lines with BOM", "a.jsonl", b"\xef\xbb\xbf" + lines({"question": "What is 3 + 4?", "answer": "7"}, {"question": "x?", "answer": "8"}), SEEN, GOLD),
    Case("encodings", "UTF-16 LE with BOM and tabs", "a.csv", ZH.replace(",", "\t").encode("utf-16"), SEEN_ZH, GOLD_ZH),
    Case("encodings", "UTF-16 BE with BOM", "a.csv", b"\xfe\xff" + ZH.encode("utf-16-be"), SEEN_ZH, GOLD_ZH),
    Case("encodings", "UTF-16 LE without BOM", "a.csv", TWO.encode("utf-16-le"), SEEN, GOLD),
    Case("encodings", "UTF-32 with BOM", "a.csv", TWO.encode("utf-32"), SEEN, GOLD),
    Case("encodings", "GBK", "a.csv", ZH.encode("gbk"), SEEN_ZH, GOLD_ZH),
    Case("encodings", "GBK, few characters", "a.csv", "问题,答案\n1+1,二\n1+2,三\n".encode("gbk"), ("1+1",), ("二",)),
    Case("encodings", "GBK, texts", "a.csv", ZH_TEXT.encode("gbk"), ("中国的首都是哪里？",), ("北京",)),
    Case("encodings", "GBK, rare characters", "a.csv", "问题,答案\n朱镕基和陶喆，谁是歌手？,陶喆\n章子怡演过什么？,卧虎藏龍\n".encode("gbk"), ("朱镕基和陶喆，谁是歌手？",), ("陶喆",)),
    Case("encodings", "GB18030 of four bytes", "a.csv", "问题,答案\n𠮷野家在哪国？,日本\n㐂是什么字？,喜\n".encode("gb18030"), ("𠮷野家在哪国？",), ("日本",)),
    Case("encodings", "GBK with semicolons", "a.csv", ZH.replace(",", ";").encode("gbk"), SEEN_ZH, GOLD_ZH),
    Case("encodings", "GBK with tabs", "a.tsv", ZH.replace(",", "\t").encode("gbk"), SEEN_ZH, GOLD_ZH),
    Case("encodings", "GBK JSON lines", "a.jsonl", lines({"问题": "中国的首都是哪里？", "答案": "北京"}, {"问题": "日本的首都是哪里？", "答案": "东京"}).decode().encode("gbk"), ("中国的首都是哪里？",), ("北京",)),
    Case("encodings", "GBK with a little Chinese in English", "a.csv", "question,answer\nWhat does 水 mean?,water\nWhat does 火 mean?,fire\n".encode("gbk"), ("What does 水 mean?",), ("water",)),
    Case("encodings", "Windows-1252, German", "a.csv", "Frage;Antwort\nWie heißt die größte Stadt?;Köln\nWas fließt durch Köln?;Rhein\n".replace("Frage", "question").replace("Antwort", "answer").encode("cp1252"), ("Wie heißt die größte Stadt?",), ("Köln",)),
    Case("encodings", "Windows-1252, French", "a.csv", "question;answer\nOù est né Molière ?;à Paris\nQuel été a-t-il créé l'œuvre ?;1666\n".encode("cp1252"), ("Où est né Molière ?",), ("à Paris",)),
    Case("encodings", "Windows-1252, Spanish", "a.csv", "question;answer\n¿Cuál es la capital de España?;Madrid\n¿Dónde nació Dalí?;Figueras\n".encode("cp1252"), ("¿Cuál es la capital de España?",), ("Madrid",)),
    Case("encodings", "Big5", "a.csv", "問題,答案\n台灣的首都是哪裡？,台北\n日本的首都是哪裡？,東京\n".encode("big5"), refused="UTF-8"),
    Case("encodings", "Shift JIS", "a.csv", "question,answer\n日本の首都はどこですか？,東京\nフランスの首都はどこですか？,パリ\n".encode("shift_jis"), refused="UTF-8"),
    Case("encodings", "Windows-1251", "a.csv", "question,answer\nСколько будет три плюс четыре?,семь\nСтолица Франции?,Париж\n".encode("cp1251"), refused="UTF-8"),
    Case("encodings", "EUC-KR", "a.csv", "question,answer\n한국의 수도는 어디입니까?,서울\n일본의 수도는 어디입니까?,도쿄\n".encode("euc_kr"), refused="UTF-8"),
    Case("encodings", "UTF-8 with one broken byte", "a.csv", (ZH_TEXT * 20).encode().replace("东".encode(), b"\xe4\xb8", 1), refused="UTF-8"),
    Case("separators", "semicolons", "a.csv", TWO.replace(",", ";").encode(), SEEN, GOLD),
    Case("separators", "semicolons, commas in the cells", "a.csv", b"question;answer\nWhat is 3, plus 4, minus 0,5?;6,5\nWhat is 1,5 + 2?;3,5\n", ("What is 3, plus 4, minus 0,5?",), ("6,5",)),
    Case("separators", "a semicolon in a cell of a comma file", "a.csv", b"question,answer\n\"Add; then double: 3 + 4?\",14\nWhat; is 9 * 9?,81\n", ("Add; then double: 3 + 4?",), ("14",)),
    Case("separators", "tabs in .csv", "a.csv", TWO.replace(",", "\t").encode(), SEEN, GOLD),
    Case("separators", "bars", "a.csv", TWO.replace(",", "|").encode(), SEEN, GOLD),
    Case("separators", "sep=;", "a.csv", ("sep=;\n" + TWO.replace(",", ";")).encode(), SEEN, GOLD),
    Case("separators", "commas in .tsv", "a.tsv", TWO.encode(), SEEN, GOLD),
    Case("separators", "Chinese commas", "a.csv", "问题，答案\n1+1？，2\n2+2？，4\n".encode(), refused="，"),
    Case("separators", "one column of free texts", "prompts.csv", b"prompt\nTell me a joke.\n\"Write a poem, short.\"\n", ("Tell me a joke.",), (), metric="judge"),
    Case("separators", "one column with bare commas", "prompts.csv", b"prompt\nTell me a joke.\nWrite a poem, short.\nName a river.\n", ("Tell me a joke.",), (), lost=("in quotes",)),
    Case("messages", "messages and an answer", "a.jsonl", lines(*({"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is 3 + 4?"}], "answer": "7"} for _ in "ab")), ("Be brief.", "What is 3 + 4?"), GOLD),
    Case("messages", "messages that end with the reply", "a.jsonl", lines(*({"messages": [{"role": "user", "content": "What is 3 + 4?"}, {"role": "assistant", "content": "7"}]} for _ in "ab")), SEEN, GOLD),
    Case("messages", "several turns", "a.jsonl", lines(*({"messages": [{"role": "user", "content": "Hi!"}, {"role": "assistant", "content": "Hello."}, {"role": "user", "content": "What is 3 + 4?"}, {"role": "assistant", "content": "7"}]} for _ in "ab")), ("Hi!", "Hello.", "What is 3 + 4?"), GOLD),
    Case("messages", "content in parts", "a.jsonl", lines(*({"messages": [{"role": "user", "content": [{"type": "text", "text": "What is 3 + 4?"}]}], "answer": "7"} for _ in "ab")), SEEN, GOLD),
    Case("messages", "a part that is a picture", "a.jsonl", lines(*({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x/y.png"}}]}], "answer": "7"} for _ in "ab")), refused="image_url"),
    Case("messages", "ShareGPT", "a.json", json.dumps([{"conversations": [{"from": "human", "value": "What is 3 + 4?"}, {"from": "gpt", "value": "7"}]}] * 2).encode(), SEEN, GOLD),
    Case("messages", "messages in a CSV cell", "a.csv", b'messages,answer\n"[{""role"": ""user"", ""content"": ""What is 3 + 4?""}]",7\n"[{""role"": ""user"", ""content"": ""x?""}]",8\n', SEEN, GOLD, absent=("role",)),
    Case("messages", "the prompt as messages", "a.jsonl", lines(*({"prompt": [{"role": "user", "content": "What is 3 + 4?"}], "completion": [{"role": "assistant", "content": "7"}]} for _ in "ab")), SEEN, GOLD),
    Case("messages", "input as messages that end with the reply, and an answer", "a.jsonl", lines(*({"input": [{"role": "user", "content": "What is 3 + 4?"}, {"role": "assistant", "content": "7"}], "answer": "7"} for _ in "ab")), refused="assistant"),
    Case("two answers", "one question with two answers", "a.csv", f"{TWO}What is 3 + 4?,8\n".encode(), SEEN, GOLD, items=3, lost=("What is 3 + 4?", "lines 2 and 4")),
    Case("two answers", "two spellings of one answer", "a.csv", b"question,answer\nCapital of France?,Paris\nCapital of France?,paris.\nWhat is 9 * 9?,81\n", ("Capital of France?",), ("Paris",), items=3, absent=("different answers",)),
    Case("two answers", "one question with other choices", "a.jsonl", lines({"question": "What is ice?", "choices": ["solid", "gas"], "answer": "A"}, {"question": "What is ice?", "choices": ["gas", "solid"], "answer": "B"}), ("What is ice?",), ("A",), ("solid", "gas"), absent=("different answers",)),
    Case("two answers", "one text with two labels", "a.csv", b"text,label\nIt does not work,billing\nIt does not work,technical\nPay me,billing\nCrash,technical\n", ("It does not work",), ("billing",), items=4, lost=("It does not work",)),
]  # fmt: skip

CASES = [*LAYOUTS, *BYTES]

OPTIONS = ["gas", "liquid", "solid"]
SECOND = [  # a second lot, written when the rules stood, and tried before they were touched again
    Case("second", "TruthfulQA of the hub", "tqa.jsonl", lines(*({"question": "What is ice?", "mc1_targets": {"choices": OPTIONS, "labels": [0, 0, 1]}, "mc2_targets": {"choices": OPTIONS, "labels": [0, 0, 1]}} for _ in "ab")), ("What is ice?", "solid"), metric="choice", lost=("mc2_targets",)),
    Case("second", "SciQ", "sciq.jsonl", lines(*({"question": "What is ice?", "distractor1": "gas", "distractor2": "liquid", "distractor3": "plasma", "correct_answer": "solid", "support": "Cold."} for _ in "ab")), ("What is ice?", "solid"), metric="choice", lost=("support",)),
    Case("second", "a trivia service", "trivia.json", json.dumps({"response_code": 0, "results": [{"type": "multiple", "question": "What is ice?", "correct_answer": "solid", "incorrect_answers": ["gas", "liquid"]}] * 2}).encode(), ("What is ice?", "solid"), metric="choice"),
    Case("second", "COPA", "copa.jsonl", lines({"premise": "It rained.", "choice1": "The street got wet.", "choice2": "The sun shone.", "question": "effect", "label": 0, "idx": 0}, {"premise": "He fell.", "choice1": "It was icy.", "choice2": "He slept.", "question": "cause", "label": 1, "idx": 1}), ("It rained.", "effect", "(A) The street got wet."), ("A",), metric="choice"),
    Case("second", "CosmosQA", "cosmos.jsonl", lines({"id": "1", "context": "It was cold.", "question": "Why?", "answer0": "winter", "answer1": "summer", "answer2": "fire", "answer3": "none", "label": 0}, {"id": "2", "context": "It was hot.", "question": "Why?", "answer0": "winter", "answer1": "ice", "answer2": "fire", "answer3": "none", "label": 2}), ("It was cold.", "Why?", "(A) winter"), ("A",), metric="choice"),
    Case("second", "Belebele", "belebele.jsonl", lines(*({"link": "x", "question_number": 1, "flores_passage": PASSAGE, "question": "Where does the Rhine rise?", "mc_answer1": "Italy", "mc_answer2": "Switzerland", "mc_answer3": "France", "mc_answer4": "Austria", "correct_answer_num": n} for n in "24")), (PASSAGE, "Where does the Rhine rise?", "(B) Switzerland"), ("B",), metric="choice", lost=("link",)),
    Case("second", "PubMedQA", "pubmed.jsonl", lines(*({"pubid": 1, "question": "Does it help?", "context": {"contexts": ["It helped ten.", "It harmed one."], "labels": ["A", "B"]}, "long_answer": "It does.", "final_decision": word} for word in ("yes", "no"))), ("It helped ten.", "It harmed one.", "Does it help?"), ("yes",), metric="yes_no", lost=("long_answer",)),
    Case("second", "DROP", "drop.jsonl", lines(*({"section_id": "x", "passage": PASSAGE, "question": "Which sea?", "answers_spans": {"spans": ["North Sea"], "types": ["span"]}} for _ in "ab")), (PASSAGE, "Which sea?"), ("North Sea",), lost=("section_id",)),
    Case("second", "MathQA", "mathqa.jsonl", lines(*({"Problem": "What is 3 + 4?", "Rationale": "7", "options": "a ) 5 , b ) 6 , c ) 7 , d ) 8", "correct": "c", "category": "general"} for _ in "ab")), ("What is 3 + 4?", "(C) 7"), ("C",), ("5", "6", "7", "8"), metric="choice", lost=("Rationale",)),
    Case("second", "Chinese options in one cell", "题库.csv", "题干,选项,答案\n冰是什么？,A.气体 B.液体 C.固体,C\n水是什么？,A.气体 B.液体 C.固体,B\n".encode(), ("冰是什么？", "(C) 固体"), ("C",), ("气体", "液体", "固体"), metric="choice"),
    Case("second", "the name of the column as the answer", "quiz.csv", b"Question,Option A,Option B,Option C,Correct Option\nWhat is ice?,gas,liquid,solid,Option C\nWhat is steam?,gas,liquid,solid,Option A\n", ("What is ice?", "(C) solid"), ("C",), FOUR[:3], metric="choice"),
    Case("second", "numbers from 1 in JSON", "quiz.jsonl", lines(*({"question": "What is ice?", "choices": OPTIONS, "answer": n} for n in (3, 1))), ("What is ice?", "(C) solid"), ("C",), FOUR[:3], metric="choice"),
    Case("second", "numbers that may count from 0 or from 1", "quiz.csv", b"question,choices,answer\nWhat is ice?,gas|liquid|solid|none,2\nWhat is ice?,gas|solid|liquid|none,1\n", refused="from 0 or from 1"),
    Case("second", "choices that are numbers, and the text of one", "quiz.csv", b"question,choices,answer\nWhat is 1 + 1?,1|2|3,2\nWhat is 2 + 1?,1|2|3,3\n", ("What is 1 + 1?", "(B) 2"), ("B",), ("1", "2", "3"), metric="choice"),
    Case("second", "OpenAI's evals", "samples.jsonl", lines(*({"input": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is 3 + 4?"}], "ideal": "7"} for _ in "ab")), ("Be brief.", "What is 3 + 4?"), ("7",)),
    Case("second", "several ideal answers", "samples.jsonl", lines(*({"input": "Which river?", "ideal": ["Rhine", "Rhein"]} for _ in "ab")), ("Which river?",), ("Rhine", "Rhein")),
    Case("second", "one turn in a list", "live.jsonl", lines(*({"question_id": "x", "turns": ["What is 3 + 4?"], "ground_truth": "7"} for _ in "ab")), ("What is 3 + 4?",), ("7",)),
    Case("second", "two turns in a list", "mt.jsonl", lines(*({"question_id": "x", "category": "math", "turns": ["What is 3 + 4?", "Double it."]} for _ in "ab")), refused="2 "),
    Case("second", "statements", "facts.csv", b"statement,label\nIce is hot.,false\nIce is cold.,true\n", ("Ice is hot.",), ("false",), metric="yes_no"),
    Case("second", "a comparison of two replies", "pairs.json", json.dumps([{"input": "What is ice?", "output_1": "gas", "output_2": "solid", "label": n} for n in (2, 1)]).encode(), refused="output_1"),
    Case("second", "an arena", "arena.csv", b"prompt,response_a,response_b,winner\nWhat is ice?,gas,solid,b\nWhat is steam?,gas,solid,a\n", ("What is ice?",), lost=("response_a",)),
    Case("second", "MBPP, sanitized", "mbpp.json", json.dumps([{"source_file": "x", "task_id": n, "prompt": "Write a function that adds.", "code": "x", "test_imports": [], "test_list": ["assert add(1, 2) == 3"]} for n in (1, 2)]).encode(), ("Write a function that adds.", "assert add(1, 2) == 3"), metric="code"),
    Case("second", "a column of documents as objects", "rag.jsonl", lines(*({"question": "Where does the Rhine rise?", "documents": [{"title": "Rhine", "text": PASSAGE}], "answer": "Switzerland"} for _ in "ab")), (PASSAGE, "Where does the Rhine rise?"), ("Switzerland",)),
    Case("second", "an instruction beside the question", "own.csv", b"instruction,question,answer\nAnswer in French.,What is water?,eau\nAnswer in German.,What is water?,Wasser\n", ("Answer in French.", "What is water?"), ("eau",)),
    Case("second", "a system prompt beside the question", "own.jsonl", lines(*({"system_prompt": "You are terse.", "question": "What is 3 + 4?", "response": "7"} for _ in "ab")), ("You are terse.", "What is 3 + 4?"), ("7",)),
    Case("second", "choices beside a conversation", "own.jsonl", lines(*({"messages": [{"role": "user", "content": "What is ice?"}], "choices": OPTIONS, "answer": "C"} for _ in "ab")), ("What is ice?", "(C) solid"), ("C",), FOUR[:3], metric="choice"),
    Case("second", "a context beside a conversation", "own.jsonl", lines(*({"messages": [{"role": "user", "content": "Where does it rise?"}], "context": PASSAGE, "answer": "Switzerland"} for _ in "ab")), (PASSAGE, "Where does it rise?"), ("Switzerland",)),
    Case("second", "columns in capitals with spaces", "own.csv", b" QUESTION , Expected Answer \nWhat is 3 + 4?,7\nWhat is 9 * 9?,81\n", SEEN, GOLD),
    Case("second", "GBK of a web form", "问卷.csv", "序号,问题,标准答案,备注\n1,请把“苹果”翻译成英文,apple,\n2,请把“香蕉”翻译成英文,banana,易错\n".encode("gbk"), ("请把“苹果”翻译成英文",), ("apple",), lost=("备注", "GB18030")),
    Case("second", "GBK with English questions and one Chinese name", "a.csv", "question,answer,author\nWhat is 3 + 4?,7,王芳\nWhat is 9 * 9?,81,李伟\n".encode("gbk"), SEEN, GOLD, lost=("author",)),
    Case("second", "GBK of traditional characters", "a.csv", "問題,答案\n台灣的首都是哪裡？,台北\n日本的首都是哪裡？,東京\n".encode("gbk"), ("台灣的首都是哪裡？",), ("台北",)),
    Case("second", "Windows-1252 with typographic quotes", "a.csv", "question;answer\nWhat does “naïve” mean – in short?;innocent\nIt’s 5 €?;yes\n".encode("cp1252"), ("What does “naïve” mean – in short?",), ("innocent",)),
    Case("second", "Portuguese", "a.csv", "question,answer\nQual é a capital de Portugal? Não é São Paulo.,Lisboa\nQuantas estações há?,4\n".encode("cp1252"), ("Qual é a capital de Portugal? Não é São Paulo.",), ("Lisboa",)),
    Case("second", "Polish in Windows-1250", "a.csv", "question,answer\nGdzie leży Łódź i co żyje w źródłach?,Polska\nStolica Włoch? Rzymianie są.,Rzym\n".encode("cp1250"), refused="UTF-8"),
    Case("second", "Thai", "a.csv", "question,answer\nเมืองหลวงของประเทศไทยคืออะไร,กรุงเทพ\nญี่ปุ่น,โตเกียว\n".encode("cp874"), refused="UTF-8"),
    Case("second", "EUC-JP", "a.csv", "question,answer\n日本の首都はどこですか？,東京\nフランスの首都はどこですか？,パリ\n".encode("euc_jp"), refused="UTF-8"),
    Case("second", "Greek", "a.csv", "question,answer\nΠοια είναι η πρωτεύουσα της Γαλλίας;,Παρίσι\nΠόσο κάνει τρία και τέσσερα;,επτά\n".encode("cp1253"), refused="UTF-8"),
    Case("second", "semicolons, quoted, with line feeds", "a.csv", b'"question";"answer"\r\n"What is\r\n3 + 4?";"7"\r\n"What is 9 * 9?";"81"\r\n', ("What is\r\n3 + 4?",), GOLD),
    Case("second", "decimal commas in a file of commas", "a.csv", b'question,answer\n"What is 1,5 + 2?","3,5"\n"What is 1,5 * 2?",3\n', ("What is 1,5 + 2?",), ("3,5",)),
    Case("second", "a title above the header", "a.csv", b"My questions,\nquestion,answer\nWhat is 3 + 4?,7\nWhat is 9 * 9?,81\n", SEEN, GOLD),
    Case("second", "one row short of a cell", "a.csv", b"question,answer,note\nWhat is 3 + 4?,7,\nWhat?,5\nWhat is 9 * 9?,81,x\n", SEEN, GOLD, lost=(":3:", "note")),
    Case("second", "an object of splits", "a.json", json.dumps({"train": [{"question": "Old?", "answer": "1"}], "test": [{"question": "What is 3 + 4?", "answer": "7"}]}).encode(), refused="train, test"),
    Case("second", "a list of pairs", "a.json", json.dumps([["What is 3 + 4?", "7"], ["What is 9 * 9?", "81"]]).encode(), refused="expected a JSON object"),
    Case("second", "one question, answers in two forms", "a.csv", b"question,answer\nHalf of 1?,0.5\nHalf of 1?,1/2\nWhat is 9 * 9?,81\n", ("Half of 1?",), ("0.5",), items=3, absent=("different answers",)),
]  # fmt: skip
CASES += SECOND

THIRD = [  # a third lot, tried once when the rules had been mended for the second
    Case("third", "QASC", "qasc.jsonl", lines(*({"id": "x", "question": "What is ice?", "choices": {"text": [*FOUR, "a", "b", "c", "d"], "label": list("ABCDEFGH")}, "answerKey": "C", "fact1": "Cold.", "combinedfact": "Cold."} for _ in "ab")), ("What is ice?", "(H) d"), ("C",), metric="choice", lost=("fact1",)),
    Case("third", "e-CARE", "ecare.jsonl", lines({"index": "1", "premise": "It rained.", "ask-for": "effect", "hypothesis1": "Wet.", "hypothesis2": "Dry.", "label": 0}, {"index": "2", "premise": "He fell.", "ask-for": "cause", "hypothesis1": "Ice.", "hypothesis2": "Sun.", "label": 1}), refused="--input"),
    Case("third", "Gaokao questions", "gaokao.json", json.dumps({"example": [{"year": "2010", "index": 0, "question": "冰是（ ）A.气体 B.液体 C.固体", "answer": ["C"], "analysis": "略", "score": 6}] * 2}).encode(), ("冰是",), ("C",), metric="choice", lost=("analysis",)),
    Case("third", "an exam in capitals", "EXAM.CSV", b"QUESTION,OPTION_A,OPTION_B,OPTION_C,OPTION_D,CORRECT_ANSWER\nWhat is ice?,gas,liquid,solid,plasma,C\nSteam?,gas,liquid,solid,plasma,A\n", ("What is ice?", "(C) solid"), ("C",), FOUR, metric="choice"),
    Case("third", "an answer with its letter and text", "quiz.csv", b"question,A,B,C,answer\nWhat is ice?,gas,liquid,solid,C. solid\nSteam?,gas,liquid,solid,A) gas\n", ("What is ice?", "(C) solid"), ("C",), FOUR[:3], metric="choice"),
    Case("third", "two or four choices", "quiz.csv", b"question,option1,option2,option3,option4,answer\nIs ice cold?,yes,no,,,1\nWhat is ice?,gas,liquid,solid,plasma,3\nSteam?,gas,liquid,solid,plasma,4\n", ("Is ice cold?", "(B) no"), ("A",), ("yes", "no"), items=3, metric="choice"),
    Case("third", "a Python list in a CSV cell", "quiz.csv", b"question,options,answer\nWhat is ice?,\"['gas', 'liquid', 'solid']\",solid\nSteam?,\"['gas', 'liquid', 'solid']\",gas\n", ("What is ice?", "(C) solid"), ("C",), FOUR[:3], metric="choice"),
    Case("third", "options as objects", "quiz.json", json.dumps([{"question": "What is ice?", "options": [{"id": "a", "text": "gas"}, {"id": "b", "text": "solid"}], "answer": "b"}] * 2).encode(), ("What is ice?", "(B) solid"), ("B",), ("gas", "solid"), metric="choice"),
    Case("third", "options by number", "quiz.json", json.dumps([{"question": "What is ice?", "options": {"1": "gas", "2": "solid"}, "answer": "2"}] * 2).encode(), ("What is ice?", "(B) solid"), ("B",), ("gas", "solid"), metric="choice"),
    Case("third", "a table of Kaggle", "train.csv", b"id,prompt,A,B,C,D,E,answer\n0,What is ice?,gas,liquid,solid,plasma,metal,C\n1,Steam?,gas,liquid,solid,plasma,metal,A\n", ("What is ice?", "(E) metal"), ("C",), (*FOUR, "metal"), metric="choice"),
    Case("third", "tickets of a service desk", "tickets.csv", "ticket_id;text;category;created\n1;Rechnung doppelt;Abrechnung;2026-01-02\n2;App stürzt ab;Technik;2026-01-03\n3;Geld zurück;Abrechnung;2026-01-04\n4;Bildschirm schwarz;Technik;2026-01-05\n".encode("cp1252"), ("Rechnung doppelt",), ("Abrechnung",), items=4, metric="label", lost=("created",)),
    Case("third", "reviews with stars", "reviews.tsv", b"review\tlabel\nGreat!\tpositive\nBad.\tnegative\nFine.\tpositive\nPoor.\tnegative\n", ("Great!",), ("positive",), items=4, metric="label"),
    Case("third", "a column for the language", "multi.jsonl", lines({"question": "Was ist 3 + 4?", "answer": "7", "language": "de"}, {"question": "3加4？", "answer": "7", "language": "zh"}), ("Was ist 3 + 4?",), ("7",), lost=("language",)),
    Case("third", "a picture beside the question", "vqa.jsonl", lines(*({"question": "What is on it?", "image": "a.png", "answer": "a cat"} for _ in "ab")), ("What is on it?",), ("a cat",), lost=("image",)),
    Case("third", "answers as JSON in a CSV cell", "qa.csv", b'question,answers\nWhich river?,"[""Rhine"", ""Rhein""]"\nWhich sea?,"[""North Sea""]"\n', ("Which river?",), ("Rhine", "Rhein")),
    Case("third", "SQuAD's answers as text in a CSV cell", "squad.csv", b'context,question,answers\nThe Rhine rises in Switzerland.,Where?,"{\'text\': [\'Switzerland\'], \'answer_start\': [19]}"\nIt ends at sea.,Where does it end?,"{\'text\': [\'sea\'], \'answer_start\': [11]}"\n', ("The Rhine rises in Switzerland.", "Where?"), ("Switzerland",)),
    Case("third", "PopQA", "popqa.jsonl", lines(*({"question": "Which river?", "possible_answers": '["Rhine", "Rhein"]', "s_pop": 3} for _ in "ab")), ("Which river?",), ("Rhine", "Rhein"), lost=("s_pop",)),
    Case("third", "a byte order mark in the middle", "a.csv", ("\ufeff" + TWO).encode("utf-8-sig"), SEEN, GOLD),
    Case("third", "no-break spaces in the header", "a.csv", "\u00a0question ,answer\u3000\nWhat is 3 + 4?,7\nWhat is 9 * 9?,81\n".encode(), SEEN, GOLD),
    Case("third", "zero-width letters in the header", "a.csv", "\u200bquestion,answer\nWhat is 3 + 4?,7\nWhat is 9 * 9?,81\n".encode(), SEEN, GOLD),
    Case("third", "tabs and commas", "a.tsv", b"question\tanswer\nWhat is 3, 4 and 5?\t12\nWhat is 9 * 9?\t81\n", ("What is 3, 4 and 5?",), ("12",)),
    Case("third", "one row only", "a.csv", b"question;answer\nWhat is 3 + 4?;7\n", SEEN, GOLD, items=1),
    Case("third", "a header alone", "a.csv", b"question,answer\n", refused="no row"),
    Case("third", "empty", "a.csv", b"", refused="empty"),
    Case("third", "GBK, one word", "a.csv", "question,answer\nWhat is 3 + 4?,七\nWhat is 9 * 9?,八十一\n".encode("gbk"), SEEN, ("七",)),
    Case("third", "GBK of an exam", "试题.csv", "题目,A,B,C,D,答案\n下列哪项是哺乳动物？,鲨鱼,海豚,企鹅,乌龟,B\n水的化学式是什么？,H2O,CO2,O2,N2,A\n".encode("gb18030"), ("下列哪项是哺乳动物？", "(B) 海豚"), ("B",), ("鲨鱼", "海豚", "企鹅", "乌龟"), metric="choice"),
    Case("third", "Swedish", "a.csv", "question;answer\nVad är huvudstaden i Sverige? Är det Malmö?;Stockholm\nHur många öar?;många\n".encode("cp1252"), ("Vad är huvudstaden",), ("Stockholm",)),
    Case("third", "Hebrew", "a.csv", "question,answer\nמהי בירת צרפת?,פריז\nכמה זה שלוש ועוד ארבע?,שבע\n".encode("cp1255"), refused="UTF-8"),
    Case("third", "ShareGPT that begins with system", "a.json", json.dumps([{"conversations": [{"from": "system", "value": "Be brief."}, {"from": "human", "value": "What is 3 + 4?"}, {"from": "gpt", "value": "7"}]}] * 2).encode(), ("Be brief.", "What is 3 + 4?"), GOLD),
    Case("third", "messages without a reply or an answer", "a.jsonl", lines(*({"messages": [{"role": "user", "content": "What is 3 + 4?"}]} for _ in "ab")), SEEN, metric="judge"),
]  # fmt: skip
CASES += THIRD
