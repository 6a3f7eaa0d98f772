"""One run of `improve`: taste, race, final. What it knows can be asked for at any moment, also in the middle."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal

import anyio

from .. import context
from ..errors import BadInput, BudgetExceeded, MissingExtra, SandboxMissing, Unsupported
from ..measuring.evaluate import ask_item, item_request
from ..runtime.budget import budget as purse_of
from ..runtime.ledger import Ledger, home_folder, use_ledger
from ..scope import Scope, scope
from ..sync import unwrap_exception_group
from ..tasks.task import Item
from . import budget_plan, racing
from .budget_plan import BudgetPlan
from .build_result import build_result
from .candidate_state import CandidateState, in_dollars, total_cost
from .improve_plan import PreparedImprove, provider
from .improve_result import Dropped, ImproveResult, Note
from .verdict import Stopped

CANNOT = (Unsupported, SandboxMissing, MissingExtra, BadInput)  # a candidate that this model or machine cannot run


class ImproveRun:
    """`whole()` does the work; `outcome()` says what came of it so far."""

    def __init__(
        self,
        prepared: PreparedImprove,
        *,
        concurrency: int = 64,
        ledger: Path | None = None,
        on_stage: Callable[[int, int, int], None] | None = None,
        on_answer: Callable[[], None] | None = None,
    ) -> None:
        """`on_stage(round, candidates, questions)` is told before each round, and with round 0 before the final."""
        self.prepared, self.concurrency = prepared, concurrency
        self.ledger = ledger or home_folder() / "ledger.db"
        self.on_stage, self.on_answer = on_stage, on_answer
        self.arms = [CandidateState(entrant) for entrant in prepared.entrants]
        self.named = {arm.name: arm for arm in self.arms}
        self.plain = self.arms[0]
        self.order: list[CandidateState] = []  # of the search, once it is over
        self.finalists: list[CandidateState] = []
        self.stopped: Stopped = None
        self.run: str | None = None
        self.notes = list(prepared.notes)
        self.scopes: dict[str, Scope] = {}
        self._round = 0
        self._started = time.monotonic()

    def outcome(self) -> ImproveResult:
        return build_result(
            self.prepared,
            self.arms,
            self.order or [arm for arm in self.running() if arm.seen()],
            self.finalists,
            self.stopped,
            {name: each.usage for name, each in self.scopes.items()},
            self.notes,
            run=self.run,
            ledger=self.ledger,
            concurrency=self.concurrency,
        )

    def over(self) -> bool:
        """Whether something ended it before its plan."""
        return self.stopped is not None

    def running(self) -> list[CandidateState]:
        """The candidates that are still in the race."""
        return [arm for arm in self.arms[1:] if arm.dropped is None]

    async def whole(self) -> None:
        """Search and final, each call in the ledger and within the budget."""
        with Ledger(self.ledger) as opened:
            self.run = opened.begin(fingerprint(self.prepared), f"improve {self.prepared.task.name}")
        given = self.prepared.plan.budget
        tokens = int(given["tokens"]) if "tokens" in given else None
        around = purse_of(usd=given.get("usd"), tokens=tokens, seconds=given.get("seconds")) if given else nullcontext()
        self._started = time.monotonic()
        with use_ledger(self.ledger, self.run) as opened, around:
            with scope("search", kind="search") as self.scopes["search"]:
                await self._search()
            if not self.over():
                with scope("final", kind="final") as self.scopes["final"]:
                    await self._final()
            if not self.over():
                opened.finish(self.run)

    async def _search(self) -> None:
        plan = self.prepared.plan
        if plan.budget:
            await self._taste()
        seen = 0
        for i, kept in enumerate(plan.keep):
            self._round = i + 1
            until = self._until(i, seen)
            if self.over() or until <= seen or not self.running():
                break
            await self._ask([(arm, n) for n in range(seen, until) for arm in (self.plain, *self.running())], "search")
            if self.over():
                break
            seen = until
            self._cull(kept if i + 1 < len(plan.keep) else len(self.arms))
            if len(self.running()) < 2:
                break
        if not self.over():
            self._choose()

    def _until(self, i: int, seen: int) -> int:
        """How many items a candidate shall have seen after round `i`, as the budgets allow."""
        names, plan = [arm.name for arm in (self.plain, *self.running())], self.prepared.plan
        ends, keep = plan.rounds[i:], plan.keep[i:]
        allowed = [budget_plan.target(money, names, seen, ends, keep) for money in self._money(budget_plan.SEARCH)]
        return min(allowed, default=plan.rounds[i])

    async def _taste(self) -> None:
        """Find out what candidates cost, one of each kind first, until a part of the money is spent; who cannot be paid
        is out before the race."""
        items = range(min(budget_plan.TASTE, len(self.prepared.split.search)))
        nth = self._nth_of_kind()
        for place in sorted({(nth[arm.name], arm.entrant.model.max_calls()) for arm in self.arms}):
            if self.over() or any(money.left <= 0 for money in self._money(budget_plan.SEARCH * budget_plan.TASTING)):
                break
            arms = [arm for arm in self.arms if (nth[arm.name], arm.entrant.model.max_calls()) == place]
            await self._ask([(arm, n) for n in items for arm in arms], "search")
        runners = [arm.runner(in_dollars(self.arms)) for arm in self.running() if arm.search]
        paid = [r.name for r in sorted(runners, key=lambda runner: (-runner.mean, nth[runner.name]))]
        for money in self._money(budget_plan.SEARCH):
            paid = budget_plan.affordable(money, self.plain.name, paid)
        out = [arm for arm in self.running() if arm.name not in paid]
        for arm in out:
            arm.dropped = Dropped(0, "budget")
        if out:
            self.notes.append(Note("left_out", {"candidates": len(out)}))

    def _nth_of_kind(self) -> dict[str, int]:
        """How many candidates of its kind come before each in the catalogue, whose order is one of promise."""
        met: Counter[tuple[str, ...]] = Counter()
        places = {}
        for arm in self.arms:
            places[arm.name] = met[arm.entrant.kind]
            met[arm.entrant.kind] += 1
        return places

    def _cull(self, most: int) -> None:
        """Drop who is out after this round: who is shown to be worse, and the lower half beyond `most`."""
        if not self.running():
            return
        plain, *others = [arm.runner(in_dollars(self.arms)) for arm in (self.plain, *self.running())]
        for out in racing.cull(plain, others, most)[1]:
            self.named[out.name].dropped = Dropped(self._round, out.why, by=out.by)

    def _choose(self) -> None:
        """Fix the order of the search, and who meets in the final: the best few, and the best of each further model."""
        bases, few = self.prepared.bases, self.prepared.plan.finalists
        self.order = self._preferred(self.running())
        self.finalists = self.order[: max(1, few - (len(bases) - 1))]
        for base in bases:
            if base not in {arm.entrant.base for arm in (self.plain, *self.finalists)}:
                self.finalists += self._preferred([arm for arm in self.arms if arm.entrant.base == base])[:1]
        priced = in_dollars(self.arms)
        met = [arm.runner(priced) for arm in self.finalists]
        for arm in self.order:
            out = racing.beaten(arm.runner(priced), met)
            arm.dropped = Dropped(self._round, out.why, by=out.by)
        for arm in self.finalists:
            arm.dropped = None

    def _preferred(self, arms: Sequence[CandidateState]) -> list[CandidateState]:
        runners = [arm.runner(in_dollars(self.arms)) for arm in arms if arm.seen()]
        return [self.named[runner.name] for runner in racing.preference(runners)]

    async def _final(self) -> None:
        items, names = len(self.prepared.split.final), [arm.name for arm in self.finalists]
        asked = items
        for money in self._money(1.0):
            names, n = budget_plan.final(money, self.plain.name, names, items)
            asked = min(asked, n)
        if asked < items:
            self.notes.append(Note("final_cut", {"asked": asked, "final": items}))
        for arm in self.finalists:
            if arm.name not in names:
                arm.dropped = Dropped(self._round, "budget")
        self.finalists = [self.named[name] for name in names]
        self._round = 0
        await self._ask([(arm, n) for n in range(asked) for arm in (self.plain, *self.finalists)], "final")
        if asked == 0:
            self.stopped = "budget"

    async def _ask(self, jobs: Iterable[tuple[CandidateState, int]], where: Literal["search", "final"]) -> None:
        """Ask what was not asked yet, item by item, so that what was answered at a sudden end can be compared."""
        items = self.prepared.split.search if where == "search" else self.prepared.split.final
        todo = [(arm, n) for arm, n in jobs if n not in (arm.search if where == "search" else arm.final)]
        if self.on_stage:
            self.on_stage(self._round, len({arm.name for arm, _ in todo}), len(todo))
        left = iter(todo)

        async def work() -> None:
            for arm, n in left:
                if self.over():
                    return
                if arm.dropped is None:
                    await self._one(arm, n, items[n], where)
                if self.on_answer:
                    self.on_answer()

        with context.replace(max_concurrency=self.concurrency):
            with unwrap_exception_group():
                async with anyio.create_task_group() as workers:
                    for _ in range(min(self.concurrency, len(todo))):
                        workers.start_soon(work)

    async def _one(self, arm: CandidateState, n: int, item: Item, where: Literal["search", "final"]) -> None:
        prepared = self.prepared
        try:
            with scope(arm.name, kind="recipe") as here:
                answer = await ask_item(prepared.task, item, arm.entrant.model, prepared.seed, prepared.judge)
        except BudgetExceeded:
            self.stopped = "budget"
        except CANNOT as error:
            if arm is self.plain:
                raise
            arm.dropped = Dropped(self._round, "unsupported", str(error))
        else:
            (arm.search if where == "search" else arm.final)[n] = answer
            arm.notes.update(here.notes)

    def _money(self, share: float) -> list[BudgetPlan]:
        """What is left of this share of each budget, and what an item of each candidate takes of it."""
        found = []
        elapsed = time.monotonic() - self._started
        for kind, limit in self.prepared.plan.budget.items():
            if kind == "seconds":
                found.append(BudgetPlan(limit * share - elapsed, self._seconds(elapsed)))
                continue
            taken = sum(total_cost(each.usage, kind) for each in self.scopes.values())
            usable = max(0.0, limit - self._reserved(kind))
            found.append(BudgetPlan(usable * share - taken, {arm.name: arm.takes(kind) for arm in self.arms}))
        return found

    def _seconds(self, elapsed: float) -> dict[str, float]:
        """How much longer the run takes for one more item of each candidate, with as many at once as until now."""
        busy = sum(answer.seconds for arm in self.arms for answer in arm.answers())
        at_once = max(1.0, busy / max(1e-9, elapsed))
        mean = {a.name: sum(x.seconds for x in a.search.values()) / max(1, len(a.search)) for a in self.arms}
        return {name: seconds / at_once for name, seconds in mean.items()}

    def _reserved(self, kind: str) -> float:
        """What the last call may leave unused: a call is only made if its longest reply could be paid."""
        request = item_request(self.prepared.task, self.prepared.split.search[0], self.prepared.seed)
        bases = [provider(arm.entrant.model) for arm in self.arms if not arm.entrant.steps]
        most = [base.most(request) for base in bases if base]
        return 1.5 * max(((one.usd if kind == "usd" else one.tokens) or 0.0 for one in most), default=0.0)


def fingerprint(prepared: PreparedImprove) -> str:
    """What makes two commands the same work: an interrupted run is continued by a command with its fingerprint."""
    task, judge = prepared.task, prepared.judge
    said: list[Any] = ["improve", task.sha256, [item.id for item in task.items], task.rule, prepared.seed]
    said += [[entrant.recipe for entrant in prepared.entrants], sorted(prepared.plan.budget.items())]
    return hashlib.sha256(json.dumps([*said, judge.model.name if judge else None]).encode()).hexdigest()
