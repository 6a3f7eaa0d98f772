"""mini choosing between tools by native calls: names it never saw, so that only the descriptions tell.

    python benchmarks/mini_tools.py [--items N]

Each item of mini's world offers two to four tools; in seven of ten one fits. Right: exactly that tool is called by
`mini | tools(form=native)`, or none where none fits. Beside it how often the argument is right, too.
"""

from __future__ import annotations

import argparse
from contextlib import suppress

import anyio
from common import write

from jielong import load, tools
from jielong.contract import Message, Request, Sampling
from jielong.errors import SampleError
from jielong.stats import mean
from jielong.techniques.tools.tool import Arguments, Tool, ToolResult
from jielong.world.tool_choice import ToolChoice, sample_tool_choice
from jielong.world.vocabulary import SampleRandom


async def called_rightly(choice: ToolChoice) -> tuple[bool, bool]:
    calls: list[tuple[str, Arguments]] = []

    def tool(name: str, description: str, parameters: dict[str, object]) -> Tool:
        async def call(arguments: Arguments) -> ToolResult:
            calls.append((name, arguments))
            return ToolResult("done")

        return Tool(name, description, parameters, call, pure=True)

    offered_tools = tuple(tool(t.name, t.description, t.function()["parameters"]) for t in choice.tools)
    request = Request((Message("user", choice.request),), Sampling(seed=1, max_tokens=64))
    with suppress(SampleError):  # only the call counts, not the reply that follows it
        await (load("mini") | tools(use=offered_tools, form="native", rounds=1)).generate(request)
    if choice.answer is None:
        return not calls, not calls
    right = [name for name, _ in calls] == [choice.answer.name]
    return right, right and list(calls[0][1].values()) == [choice.argument]


async def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--items", type=int, default=200)
    n = arguments.parse_args().items
    figures = {}
    for language in ("en", "zh"):
        rng = SampleRandom(f"native tools {language}", language, held_out=True)
        for fits in (True, False):
            choices = [sample_tool_choice(rng, fits) for _ in range(n)]
            results: list[tuple[bool, bool]] = [(False, False)] * n
            async with anyio.create_task_group() as tasks:

                async def run(i: int, choice: ToolChoice, results: list[tuple[bool, bool]]) -> None:
                    results[i] = await called_rightly(choice)

                for i, choice in enumerate(choices):
                    tasks.start_soon(run, i, choice, results)
            right, with_argument = (
                mean([float(a) for a, _ in results], None),
                mean([float(b) for _, b in results], None),
            )
            figures[f"{language} {'fits' if fits else 'none'}"] = {
                "right": right.mean,
                "ci95": right.ci95,
                "argument": with_argument.mean,
            }
            print(language, "one fits" if fits else "none fits", right, "with its argument", with_argument)
    write("mini_tools", {"items": n, "results": figures})


if __name__ == "__main__":
    anyio.run(main)
