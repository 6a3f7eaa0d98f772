"""mini's runtime beside transformers' generate and CTranslate2 on the same weights: speed, agreement, cold start.

CTranslate2 (`pip install ctranslate2`) is left out where it is not installed.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from common import write

from jielong import Message, Request, Sampling, load
from jielong.models.chat import Chat
from jielong.models.llama import Network
from jielong.models.mini import WEIGHTS
from jielong.models.mini.world import problems
from jielong.models.mini.world.words import Draw
from jielong.prompts import catalogue

PROMPTS, NEW, RUNS = 64, 64, 5
Generate = Callable[[Sequence[tuple[int, ...]]], list[list[int]]]


def requests() -> list[Request]:
    made = []
    for number in range(PROMPTS):
        language = "en" if number % 2 else "zh"
        asked = problems.problem(Draw(random.Random(f"speed {number}"), language, held_out=True), 3)  # type: ignore[arg-type]
        spell = catalogue(language)["cot"]["spell"]  # type: ignore[arg-type]
        made.append(Request((Message("user", f"{asked.question}\n{spell}"),), Sampling(temperature=0, max_tokens=NEW)))
    return made


def ours(asked: list[Request], batch: int) -> list[int]:
    """The tokens of each reply."""
    mini = load("mini")

    async def run() -> list[int]:
        counts: list[int] = []
        for at in range(0, len(asked), batch):
            replies = await asyncio.gather(*(mini.generate(request) for request in asked[at : at + batch]))
            counts += [reply.usage.output_tokens for reply in replies]
        return counts

    return asyncio.run(run())


def with_transformers(network: Any, end: int) -> Generate:
    def generate(prompts: Sequence[tuple[int, ...]]) -> list[list[int]]:
        longest = max(map(len, prompts))
        ids = torch.full((len(prompts), longest), end)
        seen = torch.zeros_like(ids)
        for row, prompt in enumerate(prompts):
            ids[row, longest - len(prompt) :] = torch.tensor(prompt)
            seen[row, longest - len(prompt) :] = 1
        made = network.generate(ids, attention_mask=seen, max_new_tokens=NEW, do_sample=False, pad_token_id=end)
        return [_until(row[longest:].tolist(), end) for row in made]

    return generate


def with_ctranslate2(folder: str, compute: str, tokenizer: Any, end: int) -> Generate:
    import ctranslate2

    generator = ctranslate2.Generator(folder, "cpu", compute_type=compute, intra_threads=os.cpu_count() or 1)

    def generate(prompts: Sequence[tuple[int, ...]]) -> list[list[int]]:
        texts = [tokenizer.convert_ids_to_tokens(prompt) for prompt in prompts]
        made = generator.generate_batch(
            texts, max_length=NEW, beam_size=1, sampling_topk=1, include_prompt_in_result=False, end_token=[end]
        )
        return [_until(found.sequences_ids[0], end) for found in made]

    return generate


def _until(tokens: list[int], end: int) -> list[int]:
    return tokens[: tokens.index(end) + 1] if end in tokens else tokens


def speed(run: Callable[[], int]) -> float:
    """Median tokens a second."""
    run()
    taken = []
    for _ in range(RUNS):
        started = time.perf_counter()
        tokens = run()
        taken.append(tokens / (time.perf_counter() - started))
    return round(statistics.median(taken), 1)


def agreement(network: Any, generate: Generate, prompts: list[tuple[int, ...]]) -> dict[str, Any]:
    mine, equal, total, worst = Network(WEIGHTS), 0, 0, 0.0
    for prompt in prompts:
        reply = generate([prompt])[0]
        logits = mine.logits([*prompt, *reply])
        with torch.no_grad():
            theirs = torch.log_softmax(network(torch.tensor([[*prompt, *reply]])).logits[0].double(), -1).numpy()
        shifted = logits.astype(np.float64) - logits.max(-1, keepdims=True)
        worst = max(worst, float(np.abs(shifted - np.log(np.exp(shifted).sum(-1, keepdims=True)) - theirs).max()))
        greedy = logits.argmax(-1)[len(prompt) - 1 : -1]
        equal += int((greedy == np.array(reply)).sum())
        total += len(reply)
    return {"tokens": total, "greedy equal": equal / total, "worst difference of a log-probability": worst}


def cold() -> dict[str, float]:
    """Seconds from the shell's line to the printed answer, and the most memory it took."""
    question = "Mia has 3 bags with 4 pens each. Then 5 pens are added. How many pens are there now?"
    command = [str(Path(sys.executable).parent / "jielong"), "ask", question, "-m", "mini | cot"]
    measured = """
import json, resource, subprocess, sys, time
started = time.perf_counter()
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(json.dumps([time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024]))
"""
    runs = [
        json.loads(subprocess.run([sys.executable, "-c", measured, *command], capture_output=True, check=True).stdout)
        for _ in range(RUNS + 2)
    ]
    return {
        "seconds": round(statistics.median(seconds for seconds, _ in runs[2:]), 3),
        "peak MB": round(max(megabytes for _, megabytes in runs), 1),
    }


def main() -> None:
    asked, chat = requests(), Chat(WEIGHTS)
    prompts = [chat.prompt(request) for request in asked]
    end = chat.encode_special("<|end|>")[0]
    network: Any = transformers.AutoModelForCausalLM.from_pretrained(WEIGHTS, dtype=torch.float32)
    network.eval()
    peers: dict[str, Generate] = {"transformers": with_transformers(network, end)}
    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(WEIGHTS)
    figures: dict[str, Any] = {"agreement": agreement(network, peers["transformers"], prompts)}
    with tempfile.TemporaryDirectory() as folder:
        if find_spec("ctranslate2"):
            from ctranslate2.converters import TransformersConverter

            TransformersConverter(str(WEIGHTS)).convert(folder, force=True)
            for compute in ("float32", "int8"):
                peers[f"ctranslate2 {compute}"] = with_ctranslate2(folder, compute, tokenizer, end)
        for batch in (1, 32):
            some = PROMPTS if batch > 1 else 16

            def theirs(generate: Generate, batch: int = batch, some: int = some) -> int:
                return sum(len(row) for at in range(0, some, batch) for row in generate(prompts[at : at + batch]))

            speeds = {"jielong": speed(lambda: sum(ours(asked[:some], batch)))}  # noqa: B023 — called at once
            speeds |= {name: speed(lambda: theirs(generate)) for name, generate in peers.items()}  # noqa: B023
            figures[f"tokens a second, batch {batch}"] = speeds
            figures[f"times transformers, batch {batch}"] = round(speeds["jielong"] / speeds["transformers"], 2)
    figures["cold `jielong ask -m 'mini | cot'`"] = cold()
    write("mini", figures)


if __name__ == "__main__":
    main()
