"""mini's runtime beside transformers' generate and CTranslate2 on the same weights: speed, agreement, cold start.

All engines answer the same questions, new ones in each round, one engine after another within a round. Each peer
runs with one thread and with two and counts with its better one; `taskset -c 0` compares them on one core. CTranslate2
(`pip install ctranslate2`) is left out where it is not installed.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from common import write

from jielong import Message, Request, Sampling, load
from jielong.models.chat_template import ChatTemplate
from jielong.models.llama_engine import LlamaEngine
from jielong.models.mini import WEIGHTS
from jielong.prompts import Language, catalogue
from jielong.world import word_problems
from jielong.world.vocabulary import SampleRandom

NEW, ROUNDS, COLD = 64, 7, 5
QUESTIONS = {1: 8, 32: 64}
Generate = Callable[[Sequence[tuple[int, ...]]], list[list[int]]]


def requests(about: object, count: int) -> list[Request]:
    requests = []
    for number in range(count):
        language: Language = "en" if number % 2 else "zh"
        rng = SampleRandom(f"speed {about} {number}", language, held_out=True)
        text = f"{word_problems.sample_problem(rng, 3).question}\n{catalogue(language)['cot']['spell']}"
        requests.append(Request((Message("user", text),), Sampling(temperature=0, max_tokens=NEW)))
    return requests


def ours(recipe: str, requests: list[Request], batch: int) -> int:
    """How many tokens were generated."""
    model = load(recipe)

    async def run() -> int:
        tokens = 0
        for start in range(0, len(requests), batch):
            calls = (model.generate(request) for request in requests[start : start + batch])
            replies = await asyncio.gather(*calls)
            tokens += sum(reply.usage.output_tokens for reply in replies)
        return tokens

    return asyncio.run(run())


def with_transformers(network: Any, end: int, threads: int) -> Generate:
    def generate(prompts: Sequence[tuple[int, ...]]) -> list[list[int]]:
        longest = max(map(len, prompts))
        ids = torch.full((len(prompts), longest), end)
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(prompts):
            ids[row, longest - len(prompt) :] = torch.tensor(prompt)
            mask[row, longest - len(prompt) :] = 1
        torch.set_num_threads(threads)
        rows = network.generate(ids, attention_mask=mask, max_new_tokens=NEW, do_sample=False, pad_token_id=end)
        return [_until(row[longest:].tolist(), end) for row in rows]

    return generate


def with_ctranslate2(folder: str, compute: str, tokenizer: Any, end: int, threads: int) -> Generate:
    import ctranslate2

    generator = ctranslate2.Generator(folder, "cpu", compute_type=compute, inter_threads=threads, intra_threads=1)

    def generate(prompts: Sequence[tuple[int, ...]]) -> list[list[int]]:
        texts = [tokenizer.convert_ids_to_tokens(prompt) for prompt in prompts]
        results = generator.generate_batch(
            texts,
            max_batch_size=-(-len(texts) // threads),
            max_length=NEW,
            beam_size=1,
            sampling_topk=1,
            include_prompt_in_result=False,
            end_token=[end],
        )
        return [_until(result.sequences_ids[0], end) for result in results]

    return generate


def _until(tokens: list[int], end: int) -> list[int]:
    return tokens[: tokens.index(end) + 1] if end in tokens else tokens


def speeds(engines: dict[str, Callable[[list[Request]], int]], batch: int) -> dict[str, float]:
    """The best tokens a second of each engine; a busy machine only ever takes away."""
    best = dict.fromkeys(engines, 0.0)
    for number in range(ROUNDS):
        questions = requests(f"{batch} {number}", QUESTIONS[batch])
        for name, answer in engines.items():
            started = time.perf_counter()
            tokens = answer(questions)
            if number:  # the first round warms up
                best[name] = max(best[name], tokens / (time.perf_counter() - started))
    return {name: round(figure, 1) for name, figure in best.items()}


def agreement(network: Any, generate: Generate, prompts: list[tuple[int, ...]]) -> dict[str, Any]:
    mine, equal, total, worst = LlamaEngine(WEIGHTS), 0, 0, 0.0
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
        for _ in range(COLD + 2)
    ]
    return {
        "seconds": round(statistics.median(seconds for seconds, _ in runs[2:]), 3),
        "peak MB": round(max(megabytes for _, megabytes in runs), 1),
    }


def main() -> None:
    chat = ChatTemplate(WEIGHTS)
    end = chat.encode_special("<|end|>")[0]
    network: Any = transformers.AutoModelForCausalLM.from_pretrained(WEIGHTS, dtype=torch.float32)
    network.eval()
    peers = {f"transformers, threads {n}": with_transformers(network, end, n) for n in (1, 2)}
    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(WEIGHTS)
    prompts = [chat.encode_request(request) for request in requests("agreement", 64)]
    figures: dict[str, Any] = {"agreement": agreement(network, peers["transformers, threads 1"], prompts)}
    with tempfile.TemporaryDirectory() as folder:
        if find_spec("ctranslate2"):
            from ctranslate2.converters import TransformersConverter

            TransformersConverter(str(WEIGHTS)).convert(folder, force=True)
            for compute, n in itertools.product(("float32", "int8"), (1, 2)):
                name = f"ctranslate2 {compute}, threads {n}"
                peers[name] = with_ctranslate2(folder, compute, tokenizer, end, n)
        for batch in QUESTIONS:

            def theirs(generate: Generate, questions: list[Request], batch: int = batch) -> int:
                prompts = [chat.encode_request(request) for request in questions]
                return sum(len(r) for at in range(0, len(prompts), batch) for r in generate(prompts[at : at + batch]))

            engines = {"jielong": partial(ours, "mini", batch=batch)}
            engines["jielong in NumPy"] = partial(ours, f"local:{WEIGHTS}?engine=numpy", batch=batch)
            engines |= {name: partial(theirs, generate) for name, generate in peers.items()}
            tokens_per_second = speeds(engines, batch)
            peer = max(figure for name, figure in tokens_per_second.items() if name.startswith("transformers"))
            figures[f"tokens a second, batch {batch}"] = tokens_per_second
            figures[f"times transformers, batch {batch}"] = round(tokens_per_second["jielong"] / peer, 2)
    figures["cold `jielong ask -m 'mini | cot'`"] = cold()
    write("mini", figures)


if __name__ == "__main__":
    main()
