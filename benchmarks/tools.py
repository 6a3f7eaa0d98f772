"""How many clumsy tool calls are mended: BFCL's right calls, each spoilt in each known way, given to `tools`.

    python benchmarks/tools.py [--data ../shared/data/bfcl] [--limit N]

The scripted model writes the spoilt call and, when it reads an error, the right one: so the figure has three parts:
mended at once, right after the error was read, lost. Beside it what a plain `json.loads` and an exact name would take.
A mended call counts only if the tool was given exactly the arguments that were meant.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from common import write

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from jielong import tools
from jielong.contract import Message, Reply, Request, Sampling, ToolCall
from jielong.errors import SampleError
from jielong.models.scripted import Scripted
from jielong.tasks.item import Item
from jielong.tasks.load_task import load_task
from jielong.techniques.tools.tool import Arguments, Tool, ToolResult
from real.test_real_bfcl import gold
from techniques.tools.clumsy import HARD, KINDS

ALL = {**KINDS, **HARD}


@dataclass
class Count:
    spoilt: int = 0
    plain: int = 0  # a plain reader would have taken it, and rightly
    mended: int = 0
    after_error: int = 0
    wrong: int = 0  # the tool was given something else than was meant


def offered(item: Item, got: list[tuple[str, Arguments]]) -> tuple[Tool, ...]:
    """The item's functions as tools that note what they are given, and check no types themselves."""

    def tool(spec: Any) -> Tool:
        async def call(arguments: Arguments) -> ToolResult:
            got.append((spec.name, arguments))
            return ToolResult("done")

        return Tool(spec.name, spec.description, spec.parameters, call, pure=True)

    return tuple(tool(spec) for spec in item.tools)


async def one(item: Item, kind: str, chance: random.Random, count: Count) -> None:
    meant = gold(item)[0]
    spoilt = ALL[kind](*meant, chance)
    if spoilt is None:
        return
    count.spoilt += 1
    name, arguments = spoilt
    with contextlib.suppress(ValueError):
        count.plain += name == meant[0] and json.loads(arguments) == meant[1]
    turns = 0

    def reply(request: Request) -> str | Reply:
        nonlocal turns
        turns += 1
        last = request.messages[-1]
        if last.role == "tool" and last.text == "done":
            return "done"
        call = ToolCall("c", name, arguments) if turns == 1 else ToolCall("c", meant[0], json.dumps(meant[1]))
        return Reply(Message("assistant", "", tool_calls=(call,)), "tool_calls")

    got: list[tuple[str, Arguments]] = []
    model = Scripted(reply) | tools(use=offered(item, got), rounds=2)
    try:
        await model.generate(Request((Message("user", "Do it."),), Sampling(seed=1)))
    except SampleError:
        return
    if got[:1] != [meant]:
        count.wrong += 1
    elif turns == 2:
        count.mended += 1
    else:
        count.after_error += 1


async def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data" / "bfcl")
    arguments.add_argument("--limit", type=int)
    given = arguments.parse_args()
    items = [i for name in ("simple_python", "multiple")
             for i in load_task(str(given.data / f"BFCL_v4_{name}.json"), limit=given.limit).items]  # fmt: skip
    counts = {kind: Count() for kind in ALL}
    for kind, count in counts.items():
        chance = random.Random(f"clumsy {kind}")
        for item in items:
            await one(item, kind, chance, count)
    print(f"{'what was missed':36}{'calls':>7}{'plain':>8}{'mended':>9}{'after error':>13}{'wrong':>7}")
    rows = [*counts.items(), ("known ways", added(counts, KINDS)), ("beyond them", added(counts, HARD))]
    for kind, c in rows:
        n = max(1, c.spoilt)
        print(f"{kind:36}{c.spoilt:7}{c.plain / n:8.1%}{c.mended / n:9.1%}{c.after_error / n:13.1%}{c.wrong / n:7.1%}")
    write("tools", {"items": len(items), "kinds": {kind: vars(c) for kind, c in rows}})


def added(counts: Mapping[str, Count], kinds: Iterable[str]) -> Count:
    return Count(*(sum(getattr(counts[kind], field) for kind in kinds) for field in Count.__dataclass_fields__))


if __name__ == "__main__":
    anyio.run(main)
