"""Evol-Instruct (Xu et al. 2023): a teacher makes tasks harder, or writes new ones after them, in generations.

How it differs: whether a task has changed at all is found by ROUGE-L with every earlier one, its parent among them, and
not by a model; one that fails leaves its parent for the next generation, as there.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from ...contract import Model
from ...errors import BadInput
from ...prompts import catalogue, fill, language
from .teacher import PlannedCalls, Seed, Synthesis, SynthesisOptions, Teacher

METHODS = ("constrain", "deepen", "concretize", "reason", "complicate", "broaden")


def planned_calls(
    seeds: Sequence[Seed], options: SynthesisOptions, teacher: Model, generations: int
) -> list[PlannedCalls]:
    asking = Teacher(teacher, "evol_instruct", seeds, options)
    longest = max(seeds, key=lambda seed: len(seed.instruction)).instruction
    most = len(seeds) * generations
    return [
        PlannedCalls("evolve", most, asking.request(_prompt(longest, "deepen"))),
        PlannedCalls("answer", most, asking.request(longest)),
    ]


async def evol_instruct(
    teacher: Model, seeds: Sequence[Seed], options: SynthesisOptions, generations: int = 3,
    on_progress: Callable[[int], None] = lambda rows: None,
) -> Synthesis:  # fmt: skip
    """Evolve every seed `generations` times, until there are `wanted` rows. Raises as `self_instruct`."""
    if not seeds:
        raise BadInput("evol-instruct begins with tasks: expected at least one")
    asking = Teacher(teacher, "evol_instruct", seeds, options, on_progress)
    rng, parents = random.Random(options.seed), [seed.instruction for seed in seeds]
    with asking.within_budget():
        for generation in range(1, generations + 1):
            methods = [rng.choice(METHODS) for _ in parents]
            prompts = [_prompt(parent, method) for parent, method in zip(parents, methods, strict=True)]
            replies = await asking.ask(prompts, "evolve", generation)
            evolved = [(i, reply.strip('"“”* \n')) for i, reply in enumerate(replies) if reply]
            accepted = [(i, child) for i, child in evolved if asking.accept(child)]
            children = asking.needed(accepted, len(accepted))
            origins = [{"parent": parents[i], "method": methods[i], "generation": generation} for i, _ in children]
            kept = set(
                await asking.answer([(child, o) for (_, child), o in zip(children, origins, strict=True)], generation)
            )
            for i, child in children:
                parents[i] = child if child in kept else parents[i]
            if asking.missing <= 0:
                break
    return asking.result


def _prompt(instruction: str, method: str) -> str:
    words = catalogue(language(instruction))["evol_instruct"]
    form = words["new" if method == "broaden" else "harder"]
    return fill(form, {"instruction": instruction, "method": words[method]})
