"""Which examples to show: random search over sets, as DSPy's BootstrapFewShotWithRandomSearch (Khattab et al. 2024).

Each draft shows one to four examples with the best instruction so far. Half of them show the gold answers; the others,
where there are any, the model's own right replies under that instruction (bootstrapped: so they hold its reasoning).
DSPy fills up to 4 bootstrapped examples with 16 labelled ones; here a set is of one kind and small.
"""

import random
from dataclasses import replace

from ...tasks.item import Item
from .prompt_draft import Pair, PromptDraft, ScoredDraft
from .search_state import SearchState

MOST = 4


async def propose_examples(state: SearchState, k: int, rng: random.Random) -> list[PromptDraft]:
    parent = state.best
    gold = [(question, item.accepted[0]) for item in state.pool if item.accepted and (question := _question(item))]
    own = _bootstrapped(state, parent)
    drafts = []
    for _ in range(k):
        if pairs := own if own and (not gold or rng.random() < 0.5) else gold:
            examples = tuple(rng.sample(pairs, min(len(pairs), rng.randint(1, MOST))))
            drafts.append(replace(parent.draft, examples=examples, parent=parent.number, by="examples"))
    return drafts


def _bootstrapped(state: SearchState, scored: ScoredDraft) -> list[Pair]:
    right = {id: answer.text for id, answer in scored.answers.items() if answer.score == 1 and answer.text.strip()}
    return [(question, right[item.id]) for item in state.items if item.id in right and (question := _question(item))]


def _question(item: Item) -> str | None:
    """The question, unless it is a conversation: that would not be an example of one turn."""
    messages = item.request().messages
    return messages[0].text if len(messages) == 1 else None
