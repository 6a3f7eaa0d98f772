"""Self-Instruct with a scripted teacher of known quality: what its two filters keep, against the truth.

    python benchmarks/instruction_filters.py --data DATA      # a folder with demo_instruct_pref; minutes on one core

The teacher proposes tasks of Alpaca that it has not proposed before (half), copies, light edits of earlier ones, and
tasks that nobody can do; it answers with Alpaca's answer (two thirds) or with one that has a known defect. Truth is
what the script drew. Alpaca itself holds tasks that are alike and answers that decline: those count as false alarms
here, so the figures of what is lost are upper bounds. Another task's answer is drawn, too, which no rule finds. Beside
it, ROUGE-L with its library's usual tokenizer, which drops Chinese characters.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import re
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import anyio
from common import RESULTS, write
from rouge_score.rouge_scorer import RougeScorer

from jielong import stats
from jielong.contract import Request
from jielong.models.scripted import Scripted
from jielong.prompts import catalogue
from jielong.training.instructions.novelty import NoveltyFilter
from jielong.training.instructions.quality import fault_of_answer, fault_of_instruction
from jielong.training.instructions.self_instruct import read_list, self_instruct
from jielong.training.instructions.teacher import Seed, SynthesisOptions

SEEDS, WANTED = 100, 150
REFUSALS = {
    "en": [
        "I'm sorry, but I can't assist with that request.", "As an AI developed by a company, I don't have opinions.",
        "Unfortunately, I cannot provide that information.", "I apologize, but I am not able to do this.",
        "Sorry, I don't have enough information to answer.", "As a language model, I have no access to the internet.",
        "I am unable to complete this task.", "I can't do that, but I can help with something else.",
    ],
    "zh": [
        "很抱歉，我无法回答这个问题。", "作为一个人工智能助手，我没有个人观点。", "对不起，我不能帮助你完成这个请求。",
        "抱歉，作为AI语言模型，我无法访问互联网。", "我很抱歉，但我没有足够的信息。", "我无法提供这方面的帮助。",
        "作为AI，我不具备这种能力。", "非常抱歉，我没有办法完成这项任务。",
    ],
}  # fmt: skip
IMPOSSIBLE = {
    "en": ["Describe what you see in the image above.", "Transcribe the attached recording.",
           "What trend does the chart below show?", "Fix the errors in the following text.",
           "Watch the video and review it.", "Rate [insert product] from 1 to 5.", "Essay."],
    "zh": ["说说上面这张图片里有什么。", "把附件里的录音转成文字。", "下面的图表显示了什么趋势？",
           "修改以下文字中的错误。", "看完这段视频后写影评。", "给[产品名称]打分。", "作文"],
}  # fmt: skip
EDITS = {
    "en": [lambda t: f"Please {t[0].lower()}{t[1:]}", lambda t: f"Could you {t[0].lower()}{t[1:].rstrip('.')}?",
           lambda t: t.upper(), lambda t: f"{t.rstrip('.')} now.", lambda t: f"“{t}”"],
    "zh": [lambda t: f"请{t.removeprefix('请')}", lambda t: f"能不能{t.removeprefix('请').rstrip('。')}？",
           lambda t: f"麻烦你{t.removeprefix('请')}", lambda t: t.replace("，", " "), lambda t: f"“{t.rstrip('。')}”"],
}  # fmt: skip


def looped(text: str) -> str:
    words = text.split() if " " in text else list(text)
    joint = " " if " " in text else ""
    return joint.join(words[:3] * 12)


class ScriptedTeacher:
    """Draws what it writes, and remembers what that was."""

    def __init__(self, language: str, rows: list[dict[str, str]], others: list[dict[str, str]], seed: int) -> None:
        self.language, self.rng = language, random.Random(seed)
        self.answers = {row["instruction"]: row["output"] for row in rows}
        self.unseen = [row["instruction"] for row in rows[SEEDS:]]
        self.known = [row["instruction"] for row in rows[:SEEDS]]
        self.other = [row["output"] for row in others]
        self.task_truth: dict[str, str] = {}
        self.drawn: list[str] = []
        self.answer_truth: dict[str, str] = {}
        self.given: dict[str, str] = {}
        self.asks = catalogue(language)["self_instruct"]["propose"].strip()[:12]  # type: ignore[arg-type]

    def task(self) -> str:
        kind = self.rng.choices(("new", "copy", "edit", "impossible"), (5, 2, 2, 1))[0]
        if kind == "new":
            text = self.unseen.pop()
            self.known.append(text)
        elif kind == "impossible":
            text = self.rng.choice(IMPOSSIBLE[self.language])
        else:
            text = self.rng.choice(self.known)
            text = self.rng.choice(EDITS[self.language])(text) if kind == "edit" else text
        self.task_truth.setdefault(text, kind)
        self.drawn.append(kind)
        return text

    def answer(self, task: str) -> str:
        kind = self.rng.choices(
            ("good", "refusal", "empty", "repeats", "loops", "language", "placeholder", "wrong"),
            (14, 1, 1, 1, 1, 1, 1, 1),
        )[0]
        good = self.answers.get(task, "It depends." if self.language == "en" else "看情况。")
        text = {
            "good": good, "refusal": self.rng.choice(REFUSALS[self.language]), "empty": " ", "repeats": task,
            "loops": looped(good), "language": self.rng.choice(self.other),
            "placeholder": f"{good} [Your Name]" if self.language == "en" else f"{good}【您的姓名】",
            "wrong": self.rng.choice(list(self.answers.values())),
        }[kind]  # fmt: skip
        self.answer_truth[task], self.given[task] = kind, text
        return text

    def reply(self, request: Request) -> str:
        text = request.messages[-1].text
        return "\n".join(f"- {self.task()}" for _ in range(8)) if text.startswith(self.asks) else self.answer(text)


def share(flags: list[bool]) -> dict[str, Any]:
    if not flags:
        return {"n": 0}
    estimate = stats.mean([float(flag) for flag in flags])
    return {"n": len(flags), "share": round(estimate.mean, 3), "ci95": [round(x, 3) for x in estimate.ci95 or ()]}


def usual_rouge(known: list[str], texts: list[str], truths: list[str]) -> dict[str, Any]:
    """The same stream of tasks through ROUGE-L with the library's own tokenizer."""
    scorer, flags = RougeScorer(["rougeL"]), defaultdict[str, list[bool]](list)
    for text, truth in zip(texts, truths, strict=True):
        near = any(scorer.score(other, text)["rougeL"].fmeasure >= 0.7 for other in known)
        flags[truth].append(near)
        if not near:
            known.append(text)
    return {truth: share(found) for truth, found in flags.items()}


def measure(language: str, rows: list[dict[str, str]], others: list[dict[str, str]], wanted: int) -> dict[str, Any]:
    teacher = ScriptedTeacher(language, rows, others, 0)
    seeds = [Seed(row["instruction"]) for row in rows[:SEEDS]]
    model = Scripted(teacher.reply, identity=f"known quality {language}")
    started = time.perf_counter()
    result = anyio.run(self_instruct, model, seeds, SynthesisOptions(wanted))
    seconds = time.perf_counter() - started
    kept = {row.instruction for row in result.rows}
    answers = defaultdict[str, list[bool]](list)
    for task, kind in teacher.answer_truth.items():
        answers[kind].append(fault_of_answer(task, teacher.given[task]) is not None)
    tasks, known, stream = defaultdict[str, list[bool]](list), NoveltyFilter(s.instruction for s in seeds), list[str]()
    rng = ScriptedTeacher(language, rows, others, 1)
    for _ in range(2 * wanted):  # each proposal by itself, also those that a run does not come to
        text = rng.task()
        aside = fault_of_instruction(text) is not None or known.near(text) is not None
        tasks[rng.drawn[-1]].append(aside)
        stream.append(text)
        if not aside:
            known.add(text)
    few = stream[:200]
    return {
        "rows": len(result.rows), "proposed": result.proposed, "seconds": round(seconds, 2),
        "rows_good": share([teacher.answer_truth[t] == "good" and teacher.task_truth[t] == "new" for t in kept]),
        "teacher_good": share([kind == "good" for kind in teacher.answer_truth.values()]),
        "tasks_set_aside": {kind: share(flags) for kind, flags in tasks.items()},
        "answers_set_aside": {kind: share(flags) for kind, flags in answers.items()},
        "usual_rouge_set_aside": usual_rouge([s.instruction for s in seeds], few, rng.drawn[: len(few)]),
    }  # fmt: skip


def single_task(row: dict[str, str]) -> bool:
    return (
        not row["input"]
        and "\n" not in row["instruction"]
        and read_list(f"- {row['instruction']}") == [row["instruction"]]
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--wanted", type=int, default=WANTED)
    arguments = parser.parse_args()
    folder = arguments.data / "demo_instruct_pref"
    rows = {
        language: [
            row for row in json.loads((folder / f"alpaca_{language}_demo.json").read_text("utf-8"))
            if single_task(row) and re.search(r"\w", row["output"])
        ]
        for language in ("en", "zh")
    }  # fmt: skip
    for each in rows.values():
        each.sort(key=lambda row: hashlib.sha256(row["instruction"].encode()).hexdigest())
    results = {
        language: measure(language, rows[language], rows["zh" if language == "en" else "en"], arguments.wanted)
        for language in ("en", "zh")
    }
    write("instruction_filters", {"wanted": arguments.wanted, **results})
    print(json.dumps(results, indent=1))
    print(RESULTS)


if __name__ == "__main__":
    main()
