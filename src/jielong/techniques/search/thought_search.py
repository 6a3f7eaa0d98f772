"""One engine under tree_of_thoughts and graph_of_thoughts: expand thoughts, value them, choose where to go on.

Every call goes through `gather`, in waves: a wave is what can be asked before the next choice, so neither the calls nor
the result depend on the order of arrival. A thought whose position was met before is not asked about again.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from math import log, sqrt
from operator import attrgetter

from ...call_context import current
from ...contract import Model, Reply, Request
from ...technique import FailedSample, gather
from .games import Game, Thought

EXPLORATION = sqrt(2)
_VALUE = attrgetter("value")


@dataclass(eq=False)
class Node:
    """A thought in the tree. `value` from 0 to 1; `visits` and `total` are what tree search counts beneath it."""

    thought: Thought
    depth: int
    parent: Node | None = None
    value: float = 0.0
    children: list[Node] = field(default_factory=list)
    visits: int = 0
    total: float = 0.0
    closed: bool = False  # nothing beneath is left to expand


@dataclass
class Explorer:
    """Asks for next steps and for values. `left` is how many thoughts may still be expanded."""

    model: Model
    judge: Model | None  # None: values are drawn by lot
    game: Game
    request: Request
    proposals: int
    depth: int
    left: int
    propose: str | None = None
    value: str | None = None
    samples: int = 1
    calls_made: int = 0
    met: set[Hashable] = field(default_factory=set)
    solved: Node | None = None
    best: Node | None = None

    async def expand(self, nodes: Sequence[Node]) -> list[Node]:
        """The valued children of these nodes, best first; `solved` is set once the rules show a solution."""
        nodes = nodes[: self.left]
        self.left -= len(nodes)
        requests = [self.game.propose(self.request, node.thought, self.proposals, self.propose) for node in nodes]
        replies = await self.ask(self.model, [request for request in requests for _ in range(self.samples)])
        for i, node in enumerate(nodes):
            node.children = self._read(node, replies[i * self.samples : (i + 1) * self.samples])
        children = [child for node in nodes for child in node.children]
        self.solved = next((c for c in children if self.game.solution(self.request, c.thought) is not None), None)
        if self.solved is None:
            await self.rate(children)
        for node in nodes:
            node.children.sort(key=_VALUE, reverse=True)
        return sorted(children, key=_VALUE, reverse=True)

    def _read(self, node: Node, replies: Sequence[Reply | FailedSample]) -> list[Node]:
        thoughts: dict[Hashable, Thought] = {}
        for reply in replies:
            for position, thought in self._steps(node, reply).items():
                confidence = thought.confidence + (thoughts[position].confidence if position in thoughts else 0.0)
                thoughts[position] = replace(thoughts.get(position, thought), confidence=confidence)
        best = sorted(thoughts.values(), key=lambda thought: thought.confidence, reverse=True)[: self.proposals]
        self.met.update(thought.position for thought in best)
        return [Node(thought, node.depth + 1, node) for thought in best]

    def _steps(self, node: Node, reply: Reply | FailedSample) -> dict[Hashable, Thought]:
        """The thoughts that a reply's lines lead to, by position: new ones, and none that ended in vain."""
        thoughts: dict[Hashable, Thought] = {}
        for line in reply.text.splitlines() if isinstance(reply, Reply) else ():
            thought = self.game.follow(node.thought, line)
            if thought is None or thought.position in self.met:
                continue
            if not self.game.ended(thought) or self.game.solution(self.request, thought) is not None:
                thoughts.setdefault(thought.position, thought)
        return thoughts

    async def rate(self, nodes: Sequence[Node]) -> None:
        """Give each node its value. A value that was lost or cannot be read is 0."""
        if self.judge is None:
            for node in nodes:  # drawn by lot from seed, path and thought, so that a run repeats itself
                lot = f"{self.request.sampling.seed} {current().path} {node.thought.position}"
                node.value = random.Random(lot).random()
        else:
            requests = [self.game.judge(self.request, node.thought, self.value) for node in nodes]
            replies = await self.ask(self.judge, [request.with_sampling(temperature=None) for request in requests])
            for node, reply in zip(nodes, replies, strict=True):
                grade = self.game.verdict(reply.text) if isinstance(reply, Reply) else None
                node.value = 0.0 if grade is None else grade
        for node in nodes:
            if self.best is None or (node.depth, node.value) > (self.best.depth, self.best.value):
                self.best = node

    async def ask(self, model: Model, requests: Sequence[Request]) -> tuple[Reply | FailedSample, ...]:
        first, self.calls_made = self.calls_made, self.calls_made + len(requests)
        return await gather(model, requests, first=first)


Combine = Callable[[Explorer, list[Node]], Awaitable[list[Node]]]


async def beam(explorer: Explorer, root: Node, breadth: int, combine: Combine | None = None) -> None:
    """Level by level, of each level the best `breadth`; `combine` may add to a level what it makes of the best."""
    level = [root]
    while level and level[0].depth < explorer.depth and explorer.left:
        level = (await explorer.expand(level))[:breadth]
        if explorer.solved:
            return
        if combine and len(level) > 1:
            level = sorted([*await combine(explorer, level), *level], key=_VALUE, reverse=True)[:breadth]


async def depth_first(explorer: Explorer, root: Node, breadth: int) -> None:
    """The best child first, back when a thought is hopeless (value 0) or the depth is reached."""
    stack = [root]
    while stack and explorer.left:
        node = stack.pop()
        children = (await explorer.expand([node]))[:breadth]
        if explorer.solved:
            return
        stack += [child for child in reversed(children) if child.value > 0 and child.depth < explorer.depth]


async def monte_carlo(explorer: Explorer, root: Node, breadth: int) -> None:
    """UCT (Kocsis and Szepesvári 2006): go down to the leaf with the best upper bound, expand it, tell those above."""
    while explorer.left and not root.closed:
        node = root
        while node.children:
            node = max((child for child in node.children if not child.closed), key=_upper_bound)
        await explorer.expand([node])
        if explorer.solved:
            return
        node.children = node.children[:breadth]
        for child in node.children:
            child.closed = child.depth >= explorer.depth
            _add_visit(child, child.value)
        if not node.children:
            _add_visit(node, 0.0)
        upwards: Node | None = node
        while upwards and all(child.closed for child in upwards.children):
            upwards.closed = True
            upwards = upwards.parent


def _upper_bound(node: Node) -> float:
    above = node.parent.visits if node.parent else 1
    return node.total / node.visits + EXPLORATION * sqrt(log(above) / node.visits)


def _add_visit(node: Node | None, value: float) -> None:
    while node:
        node.visits += 1
        node.total += value
        node = node.parent
