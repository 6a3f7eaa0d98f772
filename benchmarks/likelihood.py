"""Multiple choice by likelihood beside lm-evaluation-harness: the same digits, in how much of its time.

    python benchmarks/likelihood.py PEER_PYTHON DATA_FOLDER [--boolq N] [--cold RUNS]

PEER_PYTHON is the Python of an environment with lm-eval[hf]; DATA_FOLDER holds `mmlu`, `boolq_dev`, `truthfulqa` and
`tiny_lm_stories260K`. Both read the same texts (fp32, batch 1, CPU). Items that cannot be compared are left out and
named: longer than the model reads (the harness cuts off their beginning), or with a token across the join of question
and choice (the harness cuts through it).
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from common import ROOT, write

from jielong import stats
from jielong.contract import Request
from jielong.models.chat_template import ChatTemplate
from jielong.models.continuation_tokens import encode_continuation
from jielong.tasks.likelihood import question_request
from jielong.tasks.load_task import load_task

MEASURES = ("acc", "acc_norm", "acc_bytes")
CONTEXT = 512
YAML = """task: {name}
dataset_path: json
dataset_kwargs:
  data_files:
    test: {file}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{text}}}}"
doc_to_choice: "{{{{choices}}}}"
doc_to_target: "{{{{gold}}}}"
target_delimiter: " "
metric_list:
  - {{metric: acc, aggregation: mean, higher_is_better: true}}
  - {{metric: acc_norm, aggregation: mean, higher_is_better: true}}
  - {{metric: acc_bytes, aggregation: mean, higher_is_better: true}}
"""


def mmlu(data: Path) -> Iterator[dict[str, Any]]:
    for file in sorted((data / "mmlu/dev").glob("*.csv")):
        for row in csv.DictReader(file.open()):
            choices = [row[f"choice{i}"] for i in range(4)]
            yield {"input": row["question"], "choices": choices, "answer": "ABCD"[int(row["answer"])]}


def boolq(data: Path) -> Iterator[dict[str, Any]]:
    for line in (data / "boolq_dev/dev.jsonl").open():
        row = json.loads(line)
        question = f"{row['passage']}\n\n{row['question']}?"
        yield {"input": question, "choices": ["no", "yes"], "answer": "AB"[row["answer"]]}


def truthfulqa(data: Path) -> Iterator[dict[str, Any]]:
    """As mc1 has it: the best answer among the incorrect ones; at changing places, so that not every answer is A."""
    for number, row in enumerate(csv.DictReader((data / "truthfulqa/TruthfulQA.csv").open())):
        choices = [text.strip() for text in row["Incorrect Answers"].split(";") if text.strip()][:9]
        choices.insert(number % (len(choices) + 1), row["Best Answer"].strip())
        answer = chr(ord("A") + choices.index(row["Best Answer"].strip()))
        yield {"input": row["Question"], "choices": choices, "answer": answer}


TASKS: dict[str, Callable[[Path], Iterator[dict[str, Any]]]] = {"mmlu": mmlu, "boolq": boolq, "truthfulqa": truthfulqa}


def prepare(folder: Path, data: Path, checkpoint: Path, boolq_items: int) -> dict[str, dict[str, Any]]:
    """Writes each task for both; what is left out, by line of the source."""
    chat, left_out = ChatTemplate(checkpoint), {}
    for name, rows in TASKS.items():
        every = list(rows(data))[: boolq_items if name == "boolq" else None]
        source = folder / "source.jsonl"
        source.write_text("\n".join(map(json.dumps, every)) + "\n")
        task = load_task(str(source), rule="acc")
        assert len(task.items) == len(every), task.rejected[:3]
        ours, theirs, too_long, across = [], [], [], []
        for number, (row, item) in enumerate(zip(every, task.items, strict=True), 1):
            request = question_request(item)
            encoded = [encode_continuation(chat, request, choice) for choice in item.choices]
            if any(len(each.tokens) > CONTEXT for each in encoded):
                too_long.append(number)
            elif any(each.replaced for each in encoded):
                across.append(number)
            else:
                ours.append(row)
                gold = ord(row["answer"]) - ord("A")
                theirs.append({"text": text_of(request), "choices": list(item.choices), "gold": gold})
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, ours)) + "\n")
        (folder / f"{name}_peer.jsonl").write_text("\n".join(map(json.dumps, theirs)) + "\n")
        (folder / f"{name}.yaml").write_text(YAML.format(name=f"our_{name}", file=folder / f"{name}_peer.jsonl"))
        left_out[name] = {"items": len(ours), "too_long": too_long, "token_across_the_join": across}
    return left_out


def text_of(request: Request) -> str:
    return request.messages[-1].text.rstrip()


def timed(command: list[str], folder: Path) -> float:
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    homes = {"JIELONG_HOME": tempfile.mkdtemp(dir=folder), "HF_HOME": str(folder / "hf")}
    began = time.perf_counter()
    done = subprocess.run(command, env={**os.environ, **offline, **homes}, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}")
    return seconds


def run_peer(peer: str, folder: Path, checkpoint: Path, name: str, *more: str) -> tuple[float, dict[str, Any]]:
    out = Path(tempfile.mkdtemp(dir=folder))
    arguments = {
        "--model": "hf", "--model_args": f"pretrained={checkpoint},dtype=float32", "--tasks": f"our_{name}",
        "--include_path": str(folder), "--batch_size": "1", "--device": "cpu", "--output_path": str(out),
    }  # fmt: skip
    words = [word for pair in arguments.items() for word in pair]
    seconds = timed([peer, "-m", "lm_eval", "run", *words, *more], folder)
    (file,) = out.rglob("results_*.json")
    return seconds, json.loads(file.read_text())["results"][f"our_{name}"]


def run_ours(model: str, folder: Path, name: str, *more: str) -> tuple[float, list[dict[str, Any]]]:
    out = Path(tempfile.mkdtemp(dir=folder))
    file = str(folder / f"{name}.jsonl")
    seconds = timed([
        sys.executable, "-m", "jielong", "eval", file, "-m", model, "--rule", "acc_norm", "--out", str(out), *more,
    ], folder)  # fmt: skip
    return seconds, [json.loads(line) for line in (out / "items.jsonl").open()]


def compare(name: str, peer: dict[str, Any], ours: list[dict[str, Any]]) -> dict[str, Any]:
    """The harness takes every item as independent; so are they here, whatever their questions share."""
    figures: dict[str, Any] = {"scored": len(ours)}
    for measure in MEASURES:
        estimate = stats.mean([item["parts"][measure] for item in ours])
        theirs, error = peer[f"{measure},none"], peer[f"{measure}_stderr,none"]
        gap = max(abs(estimate.mean - theirs), abs((estimate.standard_error or 0.0) - error))
        figures[measure] = {"ours": estimate.mean, "peer": theirs, "peer_stderr": error, "largest_gap": gap}
    figures["ties"] = sum(" = " in (item["extracted"] or "") for item in ours)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("peer")
    parser.add_argument("data", type=Path)
    parser.add_argument("--boolq", type=int, default=1000)
    parser.add_argument("--cold", type=int, default=3, help="runs of one item from cold")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        checkpoint = folder / "stories260K"
        script = str(ROOT / "examples/stories260k_to_hf.py")
        subprocess.run([sys.executable, script, str(asked.data / "tiny_lm_stories260K"), str(checkpoint)], check=True)
        figures: dict[str, Any] = {"left_out": prepare(folder, asked.data, checkpoint, asked.boolq)}
        model = f"local:{checkpoint}"
        total = [0.0, 0.0]
        for name in TASKS:
            peer_seconds, peer = run_peer(asked.peer, folder, checkpoint, name)
            seconds, items = run_ours(model, folder, name)
            figures[name] = {**compare(name, peer, items), "seconds": seconds, "peer_seconds": peer_seconds}
            total = [total[0] + seconds, total[1] + peer_seconds]
            print(name, json.dumps(figures[name], indent=1), flush=True)
        figures["wall_ratio"] = total[0] / total[1]
        cold: dict[str, list[float]] = {"peer": [], "local": [], "mini": []}
        for _ in range(asked.cold):
            cold["peer"].append(run_peer(asked.peer, folder, checkpoint, "mmlu", "--limit", "1")[0])
            cold["local"].append(run_ours(model, folder, "mmlu", "--limit", "1")[0])
            cold["mini"].append(run_ours("mini", folder, "mmlu", "--limit", "1")[0])
        figures["first_item_from_cold"] = {who: sorted(seconds)[len(seconds) // 2] for who, seconds in cold.items()}
        write("likelihood", figures)


if __name__ == "__main__":
    main()
