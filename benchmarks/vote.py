"""The adaptive vote beside 16 fixed samples, on a scripted model whose accuracy on each item is known.

2,000 items; the chance of a right sample is drawn for each from a Beta; wrong samples spread over six values.
"""

from __future__ import annotations

import hashlib
import random

import anyio
from common import write

from jielong import Message, Request, Sampling, Scripted, self_consistency
from jielong.answers import RULES
from jielong.call_context import sub_path
from jielong.scope import scope

ITEMS, N = 2000, 16


def drawn(request: Request, beta: tuple[float, float]) -> str:
    question = request.messages[-1].text
    chance = random.Random(question).betavariate(*beta)
    digest = hashlib.sha256(f"{question} {request.sampling.seed}".encode()).digest()
    rng = random.Random(digest)
    return f"The answer is {0 if rng.random() < chance else rng.randint(1, 6)}"


async def measured(beta: tuple[float, float], adaptive: bool, seconds: float, confidence: float) -> tuple[float, int]:
    latency = random.Random(1)
    scripted = Scripted(lambda request: drawn(request, beta), seconds=lambda request: latency.random() * seconds)
    model = scripted | self_consistency(n=N, adaptive=adaptive, confidence=confidence, answer=RULES["number"])
    right = 0
    with scope("vote") as total:
        todo = iter(range(ITEMS))

        async def work() -> None:
            nonlocal right
            for i in todo:
                with sub_path(i):
                    request = Request((Message("user", f"item {i}"),), Sampling(temperature=1.0, seed=1))
                    reply = await model.generate(request)
                    right += reply.text == "The answer is 0"

        async with anyio.create_task_group() as tasks:
            for _ in range(64):
                tasks.start_soon(work)
    return right / ITEMS, total.usage.input_tokens + total.usage.output_tokens


async def main() -> None:
    figures: dict[str, object] = {"items": ITEMS, "n": N}
    for beta in ((4, 1.5), (2, 1.5), (1, 1)):
        fixed, spent = await measured(beta, False, 0.0, 0.9)
        row: dict[str, object] = {"fixed_accuracy": fixed, "fixed_tokens": spent}
        for confidence in (0.9, 0.95, 1.0):
            accuracy, tokens = await measured(beta, True, 0.0, confidence)
            lost = round(100 * (fixed - accuracy), 2)
            row[f"confidence {confidence}"] = {"points_lost": lost, "of_the_tokens": round(tokens / spent, 3)}
        figures[f"Beta{beta}"] = row
    slow = await measured((2, 1.5), True, 0.01, 0.9)
    figures["same_usage_at_other_latencies"] = slow == await measured((2, 1.5), True, 0.0, 0.9)
    write("vote", figures)


if __name__ == "__main__":
    anyio.run(main)
