"""The public test double: two different ones never share a row of the ledger, and a resumed run finds its own."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jielong.contract import Message, Request, Sampling
from jielong.models.scripted import Scripted
from jielong.recipe import load
from jielong.runtime.ledger import use_ledger

pytestmark = pytest.mark.anyio
HELLO = Request((Message("user", "hello"),), Sampling(seed=1))


def shouting(words: str) -> Callable[[Request], str]:
    return lambda request: words.upper()


def random_words() -> Callable[[Request], str]:
    rng = random.Random(3)
    return lambda request: str(rng.random())


async def test_two_different_models_do_not_answer_for_each_other(tmp_path: Path) -> None:
    for file, text in (("a.jsonl", "one"), ("b.jsonl", "two")):
        (tmp_path / file).write_text(f'{{"reply": "{text}"}}\n')
    models = [
        Scripted("yes"), Scripted("no"), Scripted(lambda request: "a"), Scripted(lambda request: "b"),
        Scripted(shouting("x")), Scripted(shouting("y")), Scripted(random_words()), Scripted(random_words()),
        load(f'"scripted:{tmp_path / "a.jsonl"}"'), load(f'"scripted:{tmp_path / "b.jsonl"}"'),
    ]  # fmt: skip
    with use_ledger(tmp_path / "l.db"):
        for model in models:
            await model.generate(HELLO)
    assert all(len(model.requests) == 1 for model in models if isinstance(model, Scripted))
    assert len({model.identity() for model in models if isinstance(model, Scripted)}) == len(models)


async def test_equal_models_share_their_replies(tmp_path: Path) -> None:
    with use_ledger(tmp_path / "l.db"):
        await Scripted("yes").generate(HELLO)
        again = Scripted("yes")
        assert (await again.generate(HELLO)).text == "yes"
        await Scripted(shouting("x")).generate(HELLO)
        loud = Scripted(shouting("x"))
        assert (await loud.generate(HELLO)).text == "X"
        await Scripted(random_words(), identity="random words").generate(HELLO)
        named = Scripted(random_words(), identity="random words")
        await named.generate(HELLO)
    assert again.requests == loud.requests == named.requests == []


def test_the_identity_is_the_same_in_every_process() -> None:
    program = """
from jielong import Scripted
def reply(request):
    return "a" if request.sampling.seed in {"x", "y", "z"} else (lambda: f"{1.5} b")()
print(Scripted(reply).identity(), Scripted("yes").identity())
"""
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
