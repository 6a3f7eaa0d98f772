"""What comparisons can tell at all: which models met, and where Bradley-Terry has a finite answer (Ford 1957).

A rating is finite where from each model a chain of models leads to each other one in which every model scored (a win or
a tie) against the next. Models in groups that never met have no common scale.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
Bools: TypeAlias = npt.NDArray[np.bool_]
Integers: TypeAlias = npt.NDArray[np.int64]
Place: TypeAlias = Literal["finite", "above", "below", "undetermined"]


def groups_that_met(scored: Floats) -> list[Integers]:
    """The models in groups between which no comparison was made; largest first. `scored`: models × models, what the one
    of the row scored against the one of the column."""
    return _classes(_reached(scored + scored.T > 0))


def places(scored: Floats) -> list[Place]:
    """For each model of one group: finite for those of the core, the largest set in which every rating is finite;
    above or below it for those that won or lost every comparison that ties them to it; undetermined where only a model
    above or below has met both."""
    reached = _reached(scored > 0)
    classes = _classes(reached & reached.T)
    battles = scored.sum(axis=0) + scored.sum(axis=1)
    core = max(classes, key=lambda members: (len(members), battles[members].sum()))
    inside = set(core.tolist())

    def place(model: int) -> Place:
        if model in inside:
            return "finite"
        if reached[model, core[0]]:
            return "above"
        return "below" if reached[core[0], model] else "undetermined"

    return [place(model) for model in range(len(scored))]


def _reached(leads: Bools) -> Bools:
    """From which model (row) chains lead to which (column), by squaring."""
    reached = leads | np.eye(len(leads), dtype=bool)
    while True:
        further = (reached.astype(np.float32) @ reached.astype(np.float32)) > 0
        if np.array_equal(further, reached):
            return reached
        reached = further


def _classes(same: Bools) -> list[Integers]:
    firsts = same.argmax(axis=1)
    return sorted((np.flatnonzero(firsts == first) for first in np.unique(firsts)), key=len, reverse=True)
