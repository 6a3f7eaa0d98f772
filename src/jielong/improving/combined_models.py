"""What `improve` tries where it has several models, beside each of them alone: a route.

It asks nothing in the search: it is fitted on what the best recipe of each model replied there, and stands with the
replies that it would have chosen by fits that had not seen them. In the final it is asked like any other candidate.
Cascades are candidates from the start (candidate_catalogue.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..atomic_write import write_whole
from ..measuring.results import ItemResult
from ..retrieval.embedders import default_embedder
from ..tasks.item import Item
from ..technique import WrappedModel
from ..techniques.cooperate.route import embedded, route
from ..techniques.prompting import question
from .candidate_state import CandidateState
from .improve_plan import PlannedCandidate
from .improve_result import Note
from .route_curve import Array, above_mixing
from .route_fit import FEWEST_ITEMS, RouteData, fit_route

FEWEST_TOLD = 10  # items below which nothing is said


async def routed_candidate(
    picked: Sequence[CandidateState], items: Sequence[Item], task: str, in_dollars: bool, file: Path, seed: int
) -> CandidateState | Note:
    """A route over these candidates, written to `file`, that stands with what it would have chosen of their answers to
    the search's items; else why there is none."""
    kept, scores, costs = shared_figures(picked, in_dollars)
    if len(kept) < FEWEST_ITEMS:
        return Note("route_few", {"n": len(kept), "least": FEWEST_ITEMS})
    questions = [question(items[n].request()) for n in kept]
    spec = default_embedder()
    vectors = await embedded(spec, questions)
    clusters = [items[n].group() for n in kept]
    names = tuple(state.name for state in picked)
    unit = "usd" if in_dollars else "tokens"
    fitted = fit_route(RouteData(task, names, questions, scores, costs, unit, clusters, (), spec, vectors), seed=seed)
    chosen = np.argmax(fitted.unseen - fitted.file.cost_weight * costs.mean(axis=0), axis=1)
    if len(set(chosen.tolist())) < 2:
        return Note("route_one", {"recipe": names[int(chosen[0])]})
    write_whole(file, fitted.file.model_dump_json() + "\n")
    first, *others = [state.planned for state in picked]
    step = route(models=tuple(other.model for other in others), file=file)
    steps = f"{first.steps} | {step}" if first.steps else str(step)
    planned = PlannedCandidate(f"{first.recipe} | {step}", first.base, steps, WrappedModel(first.model, step))
    answers = {n: picked[int(chosen[i])].search[n] for i, n in enumerate(kept)}
    return CandidateState(planned, search=answers)


def shared_figures(states: Sequence[CandidateState], in_dollars: bool) -> tuple[list[int], Array, Array]:
    """The search items that all have scored, with their scores and costs (items × candidates)."""
    numbers = set.intersection(*(set(state.search) for state in states)) if states else set()
    kept = sorted(n for n in numbers if all(state.search[n].score is not None for state in states))
    shape = (len(kept), len(states))
    scores = np.array([[state.search[n].score for state in states] for n in kept], dtype=np.float64).reshape(shape)
    costs = [[_cost(state.search[n], in_dollars) for state in states] for n in kept]
    return kept, scores, np.array(costs, dtype=np.float64).reshape(shape)


def mixing_note(state: CandidateState, picked: Sequence[CandidateState], in_dollars: bool) -> Note | None:
    """What a route or cascade brings above mixing the models at random, at its cost; None for too few items."""
    kept, scores, costs = shared_figures([state, *picked], in_dollars)
    if len(kept) < FEWEST_TOLD:
        return None
    gain, (low, high) = above_mixing(scores[:, 0], costs[:, 0], scores[:, 1:], costs[:, 1:])
    values = {
        "recipe": state.name,
        "gain": f"{100 * gain:+.1f}",
        "low": f"{100 * low:.1f}",
        "high": f"{100 * high:.1f}",
    }
    return Note("mixing_pays" if low > 0 else "mixing_no_gain", {**values, "n": len(kept)})


def _cost(answer: ItemResult, in_dollars: bool) -> float:
    usage = answer.usage
    return (usage.usd or 0.0) if in_dollars else usage.input_tokens + usage.output_tokens
