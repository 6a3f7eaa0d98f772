"""One run of `improve`: cost estimate, search, final. Its result can be asked for at any moment, also in the middle."""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from ..errors import BudgetExceeded, EndpointUnfit, JielongError
from ..measuring.cost_forecast import ItemCost, call_margin, mean_cost
from ..measuring.experiment import Experiment, Trial, item_request
from ..measuring.results import ItemResult, lost_reasons, too_many_lost
from ..runtime.home import home_folder
from ..tasks.item import Item
from . import budget_plan, combined_models, successive_halving
from .build_result import build_result
from .candidate_state import CandidateState, in_dollars
from .improve_plan import PreparedImprove
from .improve_result import Dropped, ImproveResult, Note
from .verdict import Stopped

Part = Literal["search", "final"]
FEW_LOST = 3  # fewer lost items than this end no candidate in the middle of the search


class ImproveRun:
    """`execute()` does the work; `result()` says what came of it so far."""

    def __init__(
        self,
        prepared: PreparedImprove,
        *,
        concurrency: int = 64,
        ledger: Path | None = None,
        on_stage: Callable[[int, int, int], None] | None = None,
        on_answer: Callable[[], None] | None = None,
    ) -> None:
        """`on_stage(round, candidates, questions)` is called before each round, and with round 0 before the final."""
        self.prepared, self.on_stage = prepared, on_stage
        task, seed, limits = prepared.task, prepared.seed, prepared.limits
        self.experiment = Experiment(
            task, seed=seed, concurrency=concurrency, limits=limits, ledger=ledger, on_answer=on_answer
        )
        self.states = [CandidateState(planned) for planned in prepared.candidates]
        self.by_name = {state.name: state for state in self.states}
        self.plain = self.states[0]
        self.order: list[CandidateState] = []  # of the search, once it is over
        self.finalists: list[CandidateState] = []
        self.stopped: Stopped = None
        self.notes = list(prepared.notes)
        self._round = 0

    def result(self) -> ImproveResult:
        states, order = self.states, self.order or [state for state in self.running() if state.seen()]
        return build_result(self.prepared, self.experiment, states, order, self.finalists, self.stopped, self.notes)

    def running(self) -> list[CandidateState]:
        return [state for state in self.states[1:] if state.dropped is None]

    async def execute(self) -> None:
        """Search and final, each call in the ledger and within the budget."""
        plan = [[candidate.recipe for candidate in self.prepared.candidates], self.prepared.limits.given()]
        with self.experiment.open("improve", plan):
            with self.experiment.stage("search", "search"):
                await self._search()
            if not self._is_stopped():
                with self.experiment.stage("final", "final"):
                    await self._final()
            if not self._is_stopped():
                self.experiment.finish()

    def _is_stopped(self) -> bool:
        """Asked by a call: a type checker takes `stopped` to be what it was before."""
        return self.stopped is not None

    # ---- the search ----

    async def _search(self) -> None:
        plan = self.prepared.plan
        if plan.budget:
            await self._estimate_costs()
        seen = 0
        for i, limit in enumerate(plan.keep):
            self._round = i + 1
            until = self._round_end(i, seen)
            if self._is_stopped() or until <= seen or not self.running():
                break
            await self._ask([(state, n) for n in range(seen, until) for state in (self.plain, *self.running())])
            if self._is_stopped():
                break
            seen = until
            # After the last round nobody is halved: the finalists are chosen among all who are left.
            self._eliminate(limit if i + 1 < len(plan.keep) else len(self.states))
            if len(self.running()) < 2:
                break
        if not self._is_stopped() and len(self.prepared.bases) > 1:
            await self._combine_models()
        if not self._is_stopped():
            self._choose_finalists()

    async def _combine_models(self) -> None:
        """Fit a route over the best recipe of each model, on all items of the search, which they are
        asked to the end; and say of it and of cascades whether they are worth more than mixing at random."""
        split = self.prepared.split
        picked = [self._best_alone(base) for base in self.prepared.bases]
        pairs = [(state, n) for n in range(len(split.search)) for state in picked if state and n not in state.search]
        cost = sum((self._costs()[state.name] for state, _ in pairs if state), ItemCost())
        if None in picked or self.experiment.forecast(budget_plan.SEARCH).fraction(cost) < 1:
            return
        models = [state for state in picked if state]
        await self._ask([(state, n) for state, n in pairs if state], even_dropped=True)
        if self._is_stopped():
            return
        dollars = in_dollars(self.states)
        models.sort(key=lambda state: state.standing(dollars).cost)
        file = home_folder() / "runs" / str(self.experiment.run) / "route.json"
        task, seed = self.prepared.task.name, self.prepared.seed
        route = await combined_models.routed_candidate(models, split.search, task, dollars, file, seed)
        if isinstance(route, Note):
            self.notes.append(route)
        else:
            self.states.append(route)
            self.by_name[route.name] = route
        for state in (s for s in self.states if s is route or s.planned.is_cascade):
            if note := combined_models.mixing_note(state, models, dollars):
                self.notes.append(note)

    def _best_alone(self, base: str) -> CandidateState | None:
        """The recipe of one model that the search prefers, of those that were asked most."""
        fit = [s for s in self.states if s.planned.base == base and not s.planned.is_cascade and s.seen()]
        fit = [s for s in fit if not (s.dropped and s.dropped.why in ("lost", "unsupported", "budget"))]
        most = max((len(s.seen()) for s in fit), default=0)
        return next(iter(self._preferred([s for s in fit if len(s.seen()) == most])), None)

    def _round_end(self, i: int, seen: int) -> int:
        """How many items a candidate shall have seen after round `i`, as the budget allows."""
        names, plan = [state.name for state in (self.plain, *self.running())], self.prepared.plan
        forecast = self.experiment.forecast(budget_plan.SEARCH)
        return budget_plan.round_end(forecast, self._costs(), names, seen, plan.rounds[i:], plan.keep[i:])

    async def _estimate_costs(self) -> None:
        """Ask every candidate a few items, one of each kind first, until a part of the budget is spent; who cannot be
        paid is out before the search."""
        split, states = self.prepared.split, self.states
        plain_models = [state.planned.model for state in states if not state.planned.steps]
        request = item_request(self.prepared.task, split.search[0], self.prepared.seed)
        self.experiment.margin = call_margin(plain_models, [request])
        items = range(min(budget_plan.ESTIMATE_ITEMS, len(split.search)))
        # How many candidates of its kind come before each in the catalogue, whose order is one of promise.
        counters: defaultdict[tuple[str, ...], Iterator[int]] = defaultdict(itertools.count)
        nth = {state.name: next(counters[state.planned.kind]) for state in states}
        # In groups of one candidate of each kind, the cheap ones first: if the budget ends here, the catalogue's most
        # promising of each kind have been asked.
        for group in sorted({(nth[state.name], state.planned.model.max_calls()) for state in states}):
            if self._is_stopped() or self.experiment.forecast(budget_plan.SEARCH * budget_plan.ESTIMATE).exhausted:
                break
            of_group = [state for state in states if (nth[state.name], state.planned.model.max_calls()) == group]
            await self._ask([(state, n) for n in items for state in of_group])
        standings = [state.standing(in_dollars(states)) for state in self.running() if state.search]
        best_first = [s.name for s in sorted(standings, key=lambda standing: (-standing.mean, nth[standing.name]))]
        forecast = self.experiment.forecast(budget_plan.SEARCH)
        paid = budget_plan.affordable(forecast, self._costs(), self.plain.name, best_first)
        unpaid = [state for state in self.running() if state.name not in paid]
        for state in unpaid:
            state.dropped = Dropped(0, "budget")
        if unpaid:
            self.notes.append(Note("left_out", {"candidates": len(unpaid)}))

    def _eliminate(self, limit: int) -> None:
        """Drop who is out after this round: who lost too many items, who is shown to be worse, and the lower half
        beyond `limit`."""
        for state in (self.plain, *self.running()):
            if lost_reasons(state.seen()).total() >= FEW_LOST:
                self._drop_if_lost(state)
        if not self.running():
            return
        plain, *others = [state.standing(in_dollars(self.states)) for state in (self.plain, *self.running())]
        for out in successive_halving.eliminate(plain, others, limit)[1]:
            self.by_name[out.name].dropped = Dropped(self._round, out.why, by=out.by)

    def _drop_if_lost(self, state: CandidateState) -> None:
        """Nothing is concluded about a recipe that lost too many items. Raises EndpointUnfit for the plain model, with
        which all are compared."""
        why = too_many_lost(state.seen())
        if why and state is self.plain:
            raise _plain_lost(why)
        if why:
            state.dropped = Dropped(self._round, "lost", why)

    def _choose_finalists(self) -> None:
        """Fix the order of the search, and who meets in the final: the best few, and the best of each further model."""
        bases, few = self.prepared.bases, self.prepared.plan.finalists
        for state in self.running():
            self._drop_if_lost(state)
        self.order = self._preferred(self.running())
        self.finalists = self.order[: max(1, few - (len(bases) - 1))]
        for base in bases:
            # Each further model is represented, or the report could not compare the models.
            if base not in {state.planned.base for state in (self.plain, *self.finalists)}:
                of_base = [s for s in self.states if s.planned.base == base and not too_many_lost(s.seen())]
                self.finalists += self._preferred(of_base)[:1]
        priced = in_dollars(self.states)
        chosen = [state.standing(priced) for state in self.finalists]
        for state in self.order:
            out = successive_halving.beaten(state.standing(priced), chosen)
            state.dropped = Dropped(self._round, out.why, by=out.by)
        for state in self.finalists:
            state.dropped = None

    def _preferred(self, states: Sequence[CandidateState]) -> list[CandidateState]:
        standings = [state.standing(in_dollars(self.states)) for state in states if state.seen()]
        return [self.by_name[standing.name] for standing in successive_halving.preference(standings)]

    # ---- the final ----

    async def _final(self) -> None:
        items, order = len(self.prepared.split.final), [state.name for state in self.finalists]
        names, payable = budget_plan.final(self.experiment.forecast(), self._costs(), self.plain.name, order, items)
        if payable < items:
            self.notes.append(Note("final_cut", {"asked": payable, "final": items}))
        for state in self.finalists:
            if state.name not in names:
                state.dropped = Dropped(self._round, "budget")
        self.finalists = [self.by_name[name] for name in names]
        self._round = 0
        # Item by item, so that an interruption leaves pairs and not one recipe with all items.
        pairs = [(state, n) for n in range(payable) for state in (self.plain, *self.finalists)]
        await self._ask(pairs, "final")
        if payable == 0:
            self.stopped = "budget"
        if why := too_many_lost(list(self.plain.final.values())):
            raise _plain_lost(why)

    # ---- both ----

    async def _ask(
        self, pairs: Iterable[tuple[CandidateState, int]], part: Part = "search", even_dropped: bool = False
    ) -> None:
        """Ask what was not asked yet, item by item, so that what was answered at a sudden end can be compared."""
        items = self.prepared.split.search if part == "search" else self.prepared.split.final
        numbers = {item.id: n for n, item in enumerate(items)}

        def answers(state: CandidateState) -> dict[int, ItemResult]:
            return state.search if part == "search" else state.final

        def receive(state: CandidateState, item: Item, result: ItemResult) -> None:
            answers(state)[numbers[item.id]] = result

        def cannot_run(state: CandidateState, error: JielongError) -> None:
            if state is self.plain:
                raise error
            state.dropped = Dropped(self._round, "unsupported", str(error))

        trials = [Trial(state, state.planned.model, items[n]) for state, n in pairs if n not in answers(state)]
        if self.on_stage:
            self.on_stage(self._round, len({trial.candidate.name for trial in trials}), len(trials))
        try:
            await self.experiment.ask(
                trials, receive, wanted=lambda s: even_dropped or not s.dropped, cannot_run=cannot_run
            )
        except BudgetExceeded:
            self.stopped = "budget"

    def _costs(self) -> dict[str, ItemCost]:
        """What a further item of each candidate takes. Its seconds are by how much longer the run takes for it, with as
        many at once as until now."""
        busy = sum(answer.seconds for state in self.states for answer in state.answers())
        at_once = max(1.0, busy / max(1e-9, self.experiment.elapsed()))
        costs = {state.name: mean_cost(state.search.values()) for state in self.states}
        return {name: replace(cost, seconds=cost.seconds / at_once) for name, cost in costs.items()}


def _plain_lost(why: str) -> EndpointUnfit:
    return EndpointUnfit(
        f"nothing can be compared with the plain model: {why}; run the same command again to ask for what is missing"
    )
