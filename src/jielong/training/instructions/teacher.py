"""What self_instruct and evol_instruct share: the teacher is asked, and what it writes is filtered and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ...call_context import sub_path
from ...contract import Message, Model, Request, Sampling
from ...errors import BudgetExceeded, EndpointUnfit
from ...scope import note
from ...technique import FailedSample, gather
from .instruction_row import InstructionRow, Way
from .novelty import THRESHOLD, NoveltyFilter
from .quality import fault_of_answer, fault_of_instruction

T = TypeVar("T")
PATIENCE = 5  # so many lost calls before any reply, and the teacher cannot be used


@dataclass(frozen=True)
class Seed:
    """A task that a person wrote; `place` is its file and line."""

    instruction: str
    place: str = ""


@dataclass(frozen=True)
class SynthesisOptions:
    """`wanted` rows at most; `threshold` of ROUGE-L; `max_tokens` of one reply."""

    wanted: int
    seed: int = 0
    threshold: float = THRESHOLD
    max_tokens: int = 1024
    temperature: float = 1.0


@dataclass(frozen=True)
class PlannedCalls:
    """So many calls at most, each like this request: what a cost can be computed from before anything is asked."""

    kind: str
    most: int
    like: Request


@dataclass
class Synthesis:
    """The rows that passed, and what became of everything else, counted by reason (`near`: too like an earlier one)."""

    rows: list[InstructionRow] = field(default_factory=list)
    proposed: int = 0
    set_aside: Counter[str] = field(default_factory=Counter)
    lost_calls: int = 0
    stopped: str | None = None  # by what, where the budget ended first


class Teacher:
    """The model with the filters around it. Rows get `way` and the teacher's recipe as their origin."""

    def __init__(
        self, model: Model, way: Way, known: Sequence[Seed], options: SynthesisOptions,
        on_progress: Callable[[int], None] = lambda rows: None,
    ) -> None:  # fmt: skip
        self.model, self.way, self.options, self.result = model, way, options, Synthesis()
        self.novelty = NoveltyFilter((seed.instruction for seed in known), options.threshold)
        self._on_progress, self._heard = on_progress, False

    @property
    def missing(self) -> int:
        return self.options.wanted - len(self.result.rows)

    def request(self, text: str) -> Request:
        sampling = Sampling(
            temperature=self.options.temperature, max_tokens=self.options.max_tokens, seed=self.options.seed
        )
        return Request((Message("user", text),), sampling)

    @contextmanager
    def within_budget(self) -> Iterator[None]:
        """What there is when a budget ends is the result."""
        try:
            yield
        except BudgetExceeded as error:
            self.result.stopped = str(error)

    async def ask(self, texts: Sequence[str], *path: int | str) -> list[str | None]:
        """A reply to each text; None where the call was lost or the reply cut off. Raises EndpointUnfit where no call
        succeeds at all."""
        with sub_path(self.way, *path):
            replies = await gather(self.model, [self.request(text) for text in texts])
        lost = [reply for reply in replies if isinstance(reply, FailedSample)]
        self._heard = self._heard or len(lost) < len(replies)
        self.result.lost_calls += len(lost)
        if lost:
            note(f"a call of the teacher was lost: {lost[0].error}")
        if not self._heard and self.result.lost_calls >= min(PATIENCE, len(texts)):
            raise EndpointUnfit(f"the first {self.result.lost_calls} calls were all lost: {lost[0].error}")
        return [None if isinstance(reply, FailedSample) else reply.text.strip() for reply in replies]

    def accept(self, instruction: str) -> bool:
        """Whether an instruction is worth an answer; it counts as known from then on."""
        self.result.proposed += 1
        if fault := fault_of_instruction(instruction):
            self.result.set_aside[fault] += 1
        elif self.novelty.near(instruction):
            self.result.set_aside["near"] += 1
        else:
            self.novelty.add(instruction)
            return True
        return False

    def needed(self, accepted: Sequence[T], most: int) -> Sequence[T]:
        """As many of them as rows are missing; the others are counted."""
        room = max(0, min(self.missing, most))
        if surplus := len(accepted[room:]):
            self.result.set_aside["surplus"] += surplus
        return accepted[:room]

    async def answer(self, asked: Sequence[tuple[str, Mapping[str, Any]]], *path: int | str) -> list[str]:
        """Answer instructions, each with its origin; those whose answers are good become rows, and are returned."""
        replies = await self.ask([instruction for instruction, _ in asked], "answer", *path) if asked else []
        kept = []
        for (instruction, origin), reply in zip(asked, replies, strict=True):
            if reply is None:
                continue
            if fault := fault_of_answer(instruction, reply):
                self.result.set_aside[f"answer_{fault}"] += 1
            elif self.missing > 0:
                named = {"teacher": self.model.name, **origin}
                self.result.rows.append(InstructionRow(instruction, reply, self.way, origin=named))
                kept.append(instruction)
        self._on_progress(len(self.result.rows))
        return kept
