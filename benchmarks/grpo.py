"""GRPO on mini from right and wrong alone, beside supervised training on its own right samples; its speed beside TRL.

    python benchmarks/grpo.py learn    # resumable: what results/grpo.json has is skipped; some minutes of CPU
    python benchmarks/grpo.py speed    # steps a second, rollouts included, in turn with TRL in one process

The questions are mini's word problems with typing errors, which it answers step by step less than half of the time.
"""

from __future__ import annotations

import json
import os
import random
import re
import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import common
import torch

from jielong import evaluate, load
from jielong.recipe import build, parse
from jielong.sync import run_sync
from jielong.tasks.load_task import load_task

BUILD = Path(os.environ.get("GRPO_BUILD", common.ROOT / "build" / "grpo"))
RESULTS = common.RESULTS / "grpo.json"
STEPS, WRONG_KEYS, TRAINED, TESTED = 2, 0.35, 300, 200
ROUNDS, PROMPTS, REPLIES, MAX_TOKENS, RATE = 25, 5, 8, 80, 4e-4
TEMPERATURE = 1.5  # at 1 mini is as sure of what it misreads as of what it reads: most groups are dead


def mistyped(text: str) -> str:
    """Two neighbouring letters are exchanged in a share of the words."""
    rng = random.Random(text)

    def word(match: re.Match[str]) -> str:
        letters = match[0]
        if len(letters) < 3 or rng.random() > WRONG_KEYS:
            return letters
        i = rng.randrange(len(letters) - 1)
        return letters[:i] + letters[i + 1] + letters[i] + letters[i + 2 :]

    return re.sub(r"[A-Za-z]+", word, text)


def task_file(name: str, items: int, seed: int) -> Path:
    file = BUILD / f"{name}.jsonl"
    if not file.exists():
        BUILD.mkdir(parents=True, exist_ok=True)
        task = load_task(f"mini:word_problems/{STEPS}", limit=items, seed=seed)
        rows = [
            {"input": mistyped(i.request().messages[-1].text), "answer": i.accepted[0]} for i in task.items
        ]  # fmt: skip
        file.write_text("\n".join(map(json.dumps, rows)) + "\n")
    return file


def settings(rounds: int, out: Path, **changes: Any) -> Any:
    from jielong.training.alignment.align_config import AlignConfig

    return AlignConfig.model_validate({
        "out": out, "start": "mini", "method": "grpo",
        "task": {"source": str(task_file("train", TRAINED, 1)), "rule": "number", "held_out": 0.01},
        "rollouts": {"rounds": rounds, "prompts": PROMPTS, "replies": REPLIES, "max_tokens": MAX_TOKENS,
                     "temperature": TEMPERATURE,
                     "through": "cot"},
        "loop": {"learning_rate": RATE, "log_every": 5, "bf16": False, "weight_decay": 0.0, "warmup_steps": 2,
                 "checkpoint_every": 10},
        **changes,
    })  # fmt: skip


def kept(name: str, compute: Any) -> Any:
    """What the results have under this name; computed and written where they lack it."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    if name not in results:
        started = time.process_time()
        results[name] = {**compute(), "cpu_seconds": round(time.process_time() - started, 1)}
        common.write("grpo", {k: v for k, v in results.items() if k not in ("commit", "python", "machine")}, quiet=True)
        print(name, json.dumps(results[name]), flush=True)
    return results[name]


def learn() -> None:
    torch.set_num_threads(1)
    kept("grpo", train_grpo)
    kept("own_right_samples", train_on_right_samples)
    kept("test", compare)


def train_grpo() -> dict[str, Any]:
    from jielong.training.alignment.train_align import align

    config = settings(ROUNDS, BUILD / "grpo")
    align(config, lambda point: print(point.step, {k: round(v, 3) for k, v in point.figures.items()}, flush=True))
    rounds = [json.loads(line) for line in (config.out / "rollouts.jsonl").read_text().splitlines()]
    return {
        "rounds": len(rounds), "rollouts": len(rounds) * PROMPTS * REPLIES,
        "reward_first_5": statistics.mean(r["reward"] for r in rounds[:5]),
        "reward_last_5": statistics.mean(r["reward"] for r in rounds[-5:]),
        "groups": sum(r["groups"] for r in rounds), "dead_groups": sum(r["dead_groups"] for r in rounds),
        "truncated": sum(r["truncated"] for r in rounds),
    }  # fmt: skip


def train_on_right_samples() -> dict[str, Any]:
    """As many rollouts of mini as it is; the right ones become documents, trained on in as many steps."""
    from jielong.models.scripted import Scripted
    from jielong.training.pretrain_and_finetune import finetune
    from jielong.training.train_config import TrainConfig

    model, asked = load("mini | cot"), Scripted("-")
    task = load_task(str(task_file("train", TRAINED, 1)), rule="number")
    rows: list[str] = []

    async def sample() -> None:
        import anyio

        async def one(number: int) -> None:
            item = task.items[number // REPLIES % len(task.items)]
            request = item.request().with_sampling(temperature=TEMPERATURE, max_tokens=MAX_TOKENS, seed=number)
            reply = await model.generate(request)
            if reply.finish == "stop" and (await task.metric.score(item, reply)).value == 1:
                await build(parse("x | cot"), asked).generate(item.request())
                question = asked.requests[-1].messages[-1].text
                rows.append(json.dumps({"prompt": question, "completion": reply.text}))

        async with anyio.create_task_group() as tasks:
            for number in range(ROUNDS * PROMPTS * REPLIES):
                tasks.start_soon(one, number)

    run_sync(sample)
    (BUILD / "right.jsonl").write_text("\n".join(sorted(rows)) + "\n")
    tokens = 40 * 96
    config = TrainConfig.model_validate({
        "out": BUILD / "right", "start": "mini",
        "stages": [{"source": str(BUILD / "right.jsonl"), "tokens": ROUNDS * tokens, "length": 192}],
        "loop": {"batch_tokens": tokens, "learning_rate": RATE, "bf16": False, "weight_decay": 0.0, "warmup_steps": 2},
    })  # fmt: skip
    finetune(config)
    return {"rollouts": ROUNDS * PROMPTS * REPLIES, "right": len(rows), "steps": ROUNDS}


def compare() -> dict[str, Any]:
    recipes = ["mini | cot", f"local:{BUILD}/grpo/weights | cot", f"local:{BUILD}/right/weights | cot"]
    task = load_task(str(task_file("test", TESTED, 2)), rule="number")
    report = evaluate(task, *recipes).to_json()
    names = dict(zip(recipes, ("mini", "grpo", "own_right_samples"), strict=True))
    rows = {names[row["model"]]: {k: row[k] for k in ("n", "mean", "ci95")} for row in report["results"]}
    pairs = [{**pair, "a": names[pair["a"]], "b": names[pair["b"]]} for pair in report["paired"]]
    return {"scores": rows, "paired": pairs}


# ---- speed beside TRL ----


def speed(steps: int = 3, turns: int = 3) -> None:
    """Median seconds a step of both, in turn; TRL with what makes it fastest here."""
    torch.set_num_threads(1)
    ours, theirs = [], []
    for turn in range(turns):
        ours.append(our_seconds(steps, turn))
        theirs.append(trl_seconds(steps, turn))
        print(turn, ours[-1], theirs[-1], flush=True)
    figures = {"ours_seconds": ours, "trl_seconds": theirs,
               "ratio": statistics.median(theirs) / statistics.median(ours)}  # fmt: skip
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    fixed = {k: v for k, v in results.items() if k not in ("commit", "python", "machine")}
    common.write("grpo", {**fixed, "speed": figures}, quiet=True)
    print(json.dumps(figures))


def our_seconds(steps: int, turn: int) -> float:
    """CPU seconds a step, from the second one on (the first one loads what is needed)."""
    from jielong.training.alignment.train_align import align

    marks: list[float] = []
    config = settings(steps + 1, BUILD / f"speed-{os.getpid()}-{turn}")
    config = config.model_copy(update={"loop": config.loop.model_copy(update={"log_every": 1, "seed": turn})})
    align(config, lambda point: marks.append(time.process_time()))
    return (marks[-1] - marks[0]) / steps


def trl_seconds(steps: int, turn: int) -> float:
    import trl
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, TrainerCallback

    from jielong.contract import Message, Reply
    from jielong.models.mini import WEIGHTS
    from jielong.models.scripted import Scripted

    class Marks(TrainerCallback):
        def __init__(self) -> None:
            self.times: list[float] = []

        def on_step_end(self, *_: Any, **__: Any) -> None:
            self.times.append(time.process_time())

    task, asked = load_task(str(task_file("train", TRAINED, 1)), rule="number"), Scripted("-")
    rows = []
    for item in task.items:
        run_sync(build(parse("x | cot"), asked).generate, item.request())
        rows.append({"prompt": [{"role": "user", "content": asked.requests[-1].messages[-1].text}], "item": item.id})
    items = {item.id: item for item in task.items}

    def reward(completions: list[Any], item: list[str], **_: Any) -> list[float]:
        async def grade() -> list[float]:
            replies = [Reply(Message("assistant", completion[0]["content"])) for completion in completions]
            return [(await task.metric.score(items[i], r)).value for i, r in zip(item, replies, strict=True)]

        return run_sync(grade)

    tokenizer = PreTrainedTokenizerFast.from_pretrained(WEIGHTS)
    attention = os.environ.get("TRL_ATTENTION", "sdpa")
    model = AutoModelForCausalLM.from_pretrained(WEIGHTS, dtype=torch.float32, attn_implementation=attention)
    config = trl.GRPOConfig(
        output_dir=str(BUILD / "trl"), use_cpu=True, bf16=False, report_to=[], num_generations=REPLIES,
        per_device_train_batch_size=PROMPTS * REPLIES, max_steps=steps + 1, max_completion_length=MAX_TOKENS, beta=0.0,
        gradient_checkpointing=False, dataloader_pin_memory=False, save_strategy="no", logging_strategy="no",
        learning_rate=RATE, weight_decay=0.0, seed=turn, disable_tqdm=True, temperature=TEMPERATURE, top_k=0,
        max_grad_norm=1.0,
    )  # fmt: skip
    marks = Marks()
    trainer = trl.GRPOTrainer(
        model, reward_funcs=reward, args=config, train_dataset=Dataset.from_list(rows), processing_class=tokenizer,
        callbacks=[marks],
    )  # fmt: skip
    trainer.train()
    return (marks.times[-1] - marks.times[0]) / steps


if __name__ == "__main__":
    os.environ.setdefault("JIELONG_HOME", str(BUILD / "home"))
    {"learn": learn, "speed": speed}[sys.argv[1]]()
