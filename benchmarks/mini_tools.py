"""mini choosing between tools by native calls: names it never saw, so that only the descriptions tell.

    python benchmarks/mini_tools.py [--items N]

Each item of mini's world offers two to four tools; in seven of ten one fits. Right: exactly that tool is called by
`mini | tools(form=native)`, or none where none fits. Beside it how often the argument is right, too.
"""

from __future__ import annotations

import argparse
import random
from contextlib import suppress

import anyio
from common import write

from jielong import load, tools
from jielong.contract import Message, Request, Sampling
from jielong.errors import SampleError
from jielong.stats import mean
from jielong.techniques.tools.tool import Arguments, Tool, ToolResult
from jielong.world.tool_choice import Choice, choice
from jielong.world.vocabulary import SampleRandom


async def one(made: Choice) -> tuple[bool, bool]:
    got: list[tuple[str, Arguments]] = []

    def tool(name: str, described: str, parameters: dict[str, object]) -> Tool:
        async def call(arguments: Arguments) -> ToolResult:
            got.append((name, arguments))
            return ToolResult("done")

        return Tool(name, described, parameters, call, pure=True)

    offered = tuple(tool(t.name, t.description, t.function()["parameters"]) for t in made.tools)
    request = Request((Message("user", made.request),), Sampling(seed=1, max_tokens=64))
    with suppress(SampleError):  # what it says after the call is no matter here
        await (load("mini") | tools(use=offered, form="native", rounds=1)).generate(request)
    if made.chosen is None:
        return not got, not got
    right = [name for name, _ in got] == [made.chosen.name]
    return right, right and list(got[0][1].values()) == [made.argument]


async def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--items", type=int, default=200)
    n = arguments.parse_args().items
    figures = {}
    for language in ("en", "zh"):
        draw = SampleRandom(random.Random(f"native tools {language}"), language, held_out=True)
        for fits in (True, False):
            made = [choice(draw, fits) for _ in range(n)]
            results: list[tuple[bool, bool]] = [(False, False)] * n
            async with anyio.create_task_group() as tasks:

                async def run(i: int, each: Choice, into: list[tuple[bool, bool]]) -> None:
                    into[i] = await one(each)

                for i, each in enumerate(made):
                    tasks.start_soon(run, i, each, results)
            right, whole = mean([float(a) for a, _ in results], None), mean([float(b) for _, b in results], None)
            figures[f"{language} {'fits' if fits else 'none'}"] = {
                "right": right.mean,
                "ci95": right.ci95,
                "argument": whole.mean,
            }
            print(language, "one fits" if fits else "none fits", right, "with its argument", whole)
    write("mini_tools", {"items": n, "results": figures})


if __name__ == "__main__":
    anyio.run(main)
