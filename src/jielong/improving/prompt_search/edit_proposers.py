"""Edits of a good prompt, without a second model (GrIPS: Prasad et al. 2022), and pure chance beside it.

GrIPS deletes, swaps, paraphrases (with PEGASUS) and adds back what it deleted. Here a phrase is paraphrased by another
phrase of its slot in a small grammar, phrases of the grammar can be added too, and the place of the prompt can change.
"""

import random
from dataclasses import replace
from typing import get_args

from ...techniques.prompting import Place
from .phrase_grammar import cut, joined
from .prompt_draft import PromptDraft
from .search_state import SearchState

BEAM = 3  # GrIPS: beam search
TWO_EDITS = 0.3  # how often two edits are made at once


async def propose_edits(state: SearchState, k: int, rng: random.Random) -> list[PromptDraft]:
    """Each draft: one or two random edits of one of the three best so far."""
    parents = state.complete[:BEAM]
    drafts = []
    for _ in range(k):
        parent = rng.choices(parents, [2.0**-i for i in range(len(parents))])[0]
        draft = replace(parent.draft, parent=parent.number, by="edits")
        for _ in range(2 if rng.random() < TWO_EDITS else 1):
            draft = edited(state, draft, rng)
        drafts.append(draft)
    return drafts


async def propose_at_random(state: SearchState, k: int, rng: random.Random) -> list[PromptDraft]:
    """Random search: one to three phrases of the grammar, whatever was found before."""
    texts = [state.grammar.prompt(rng, rng.choice((1, 2, 3))) for _ in range(k)]
    return [PromptDraft(text, state.place, by="chance") for text in texts]


def edited(state: SearchState, draft: PromptDraft, rng: random.Random) -> PromptDraft:
    phrases = cut(draft.text)
    kinds = ["add", "add"] + ["delete", "substitute", "substitute", "place"] * bool(phrases)
    kind = rng.choice(kinds + ["swap"] * (len(phrases) > 1))
    if kind == "place":
        return replace(draft, place=rng.choice([place for place in get_args(Place) if place != draft.place]))
    at = rng.randrange(len(phrases) + (kind == "add")) if phrases else 0
    if kind == "add":
        phrases.insert(at, _new_phrase(state, rng))
    elif kind == "delete":
        del phrases[at]
    elif kind == "substitute":
        phrases[at] = state.grammar.phrase(rng, state.grammar.slot_of(phrases[at]))
    else:
        other = rng.choice([i for i in range(len(phrases)) if i != at])
        phrases[at], phrases[other] = phrases[other], phrases[at]
    return replace(draft, text=joined(phrases, state.language))


def _new_phrase(state: SearchState, rng: random.Random) -> str:
    """A phrase of the grammar or, one time in four, one that some draft had: what was deleted can come back."""
    had = sorted({phrase for scored in state.drafts for phrase in cut(scored.draft.text)})
    return rng.choice(had) if had and rng.random() < 0.25 else state.grammar.phrase(rng)
