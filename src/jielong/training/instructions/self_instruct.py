"""Self-Instruct (Wang et al. 2022): a teacher continues a list of tasks, new ones join the list, and it answers them.

How it differs: a task holds its input, so that one call answers it, and classification is no case of its own; the
answer is what the teacher says when it is asked like any model, with whatever techniques its recipe has. A call
proposes several tasks from six of people and two of its own, as there.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

from ...contract import Model
from ...errors import BadInput
from ...prompts import catalogue, fill, language
from .teacher import PlannedCalls, Seed, Synthesis, SynthesisOptions, Teacher

PROPOSED = 8  # tasks a call
EXAMPLES, OWN_EXAMPLES = 6, 2
ROUNDS_IN_VAIN = 2
_BEGINS = re.compile(r"\s*(?:[-*•–]|\(?\d{1,3}[.):、．)]|任务\s?\d*[：:]|Task\s?\d*:)\s*", re.I)


def planned_calls(seeds: Sequence[Seed], options: SynthesisOptions, teacher: Model) -> list[PlannedCalls]:
    """At most three times the proposals that would do if every task were kept, and two answers for each row."""
    asking = Teacher(teacher, "self_instruct", seeds, options)
    longest = max(seeds, key=lambda seed: len(seed.instruction)).instruction
    proposal = _prompt([longest] * (EXAMPLES + OWN_EXAMPLES))
    return [
        PlannedCalls("propose", 3 * -(-options.wanted // PROPOSED), asking.request(proposal)),
        PlannedCalls("answer", 2 * options.wanted, asking.request(longest)),
    ]


async def self_instruct(
    teacher: Model, seeds: Sequence[Seed], options: SynthesisOptions,
    on_progress: Callable[[int], None] = lambda rows: None,
) -> Synthesis:  # fmt: skip
    """Ask until there are `wanted` rows, the planned calls are spent, or two rounds in a row bring nothing new.

    Where the budget ends first, the rows until then. Raises BadInput without seeds, EndpointUnfit.
    """
    if not seeds:
        raise BadInput("self-instruct begins with tasks of people: expected at least one, better a hundred")
    asking, own = Teacher(teacher, "self_instruct", seeds, options, on_progress), list[str]()
    proposals, answers = (plan.most for plan in planned_calls(seeds, options, teacher))
    rng, in_vain, round = random.Random(options.seed), 0, 0
    with asking.within_budget():
        while asking.missing > 0 and proposals > 0 and answers > 0 and in_vain < ROUNDS_IN_VAIN:
            calls = min(proposals, -(-asking.missing // PROPOSED))
            prompts = [_prompt(_examples(seeds, own, rng)) for _ in range(calls)]
            replies = await asking.ask(prompts, "propose", round)
            proposed = [task for reply in replies if reply for task in read_list(reply)]
            fresh = asking.needed([task for task in proposed if asking.accept(task)], answers)
            kept = await asking.answer([(task, {"round": round}) for task in fresh], round)
            own += kept
            proposals, answers, round = proposals - calls, answers - len(fresh), round + 1
            in_vain = 0 if kept else in_vain + 1
    return asking.result


def _examples(seeds: Sequence[Seed], own: Sequence[str], rng: random.Random) -> list[str]:
    theirs = rng.sample(own, min(OWN_EXAMPLES, len(own)))
    people = [
        seed.instruction for seed in rng.sample(list(seeds), min(EXAMPLES + OWN_EXAMPLES - len(theirs), len(seeds)))
    ]
    shown = [*people, *theirs]
    rng.shuffle(shown)
    return shown


def _prompt(examples: Sequence[str]) -> str:
    listed = "\n".join(f"- {' '.join(example.split())}" for example in examples)
    return fill(catalogue(language(listed))["self_instruct"]["propose"], {"examples": listed, "n": str(PROPOSED)})


def read_list(reply: str) -> list[str]:
    """The entries of a list with dashes or numbers; a line without either goes on with the entry above it."""
    entries: list[str] = []
    for line in reply.splitlines():
        if match := _BEGINS.match(line):
            entries.append(line[match.end() :].strip())
        elif entries and line.strip():
            entries[-1] += f"\n{line.strip()}"
    return [entry.strip('*"“” ') for entry in entries if entry]
