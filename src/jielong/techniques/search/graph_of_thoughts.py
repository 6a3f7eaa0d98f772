"""Graph of thoughts: as the tree, and the best ways are merged into one."""

from typing import Any

from ...contract import Model, Reply, Request
from ...prompts import fill, prompt
from ...technique import adds_output, final_call
from ..prompting import Words, last_user_message, require_at_least, with_question
from .games import FreeReasoning, Thought
from .thought_search import Explorer, Node, beam
from .tree_of_thoughts import Judge, expansions, finish, valuing


def _calls(model: int, breadth: int, depth: int, k: int, judge: Any, **_: Any) -> int:
    valued = valuing(model, judge)
    return expansions(breadth, depth, None) * (model + k * valued) + depth * (model + valued) + model


@adds_output(calls=_calls)
async def graph_of_thoughts(
    model: Model,
    request: Request,
    *,
    breadth: int = 3,
    depth: int = 2,
    k: int = 4,
    judge: Judge = None,
    propose: Words = None,
    value: Words = None,
    merge: Words = None,
    answer: Words = None,
) -> Reply:
    """Search as `tree_of_thoughts` by beam, and at each level merge the best ways into a further one.

    Besta et al. 2024 draw a graph by hand for each task (split, solve, merge, improve); here one shape serves any
    question. The merged way is valued like the others and goes on if it is among the best `breadth`.
    """
    require_at_least(1, "graph_of_thoughts", {"breadth": breadth, "depth": depth, "k": k})
    if last_user_message(request) is None:
        return await final_call(model, request)
    rules = FreeReasoning()

    async def merged(explorer: Explorer, ways: list[Node]) -> list[Node]:
        reply = (await explorer.ask(model, [_merging(request, ways, merge)]))[0]
        lines = reply.text.splitlines() if isinstance(reply, Reply) else []
        steps = tuple(thought.steps[0] for line in lines if (thought := rules.follow(Thought((), ()), line)))
        if not steps or steps in explorer.met:
            return []
        explorer.met.add(steps)
        node = Node(Thought(steps, steps), ways[0].depth)
        await explorer.rate([node])
        return [node]

    valuer = None if judge == "random" else judge if isinstance(judge, Model) else model
    explorer = Explorer(model, valuer, rules, request, k, depth, expansions(breadth, depth, None), propose, value)
    await beam(explorer, Node(rules.begin(request), 0), breadth, merged)
    return await finish(model, explorer, answer)


def _merging(request: Request, ways: list[Node], words: Words) -> Request:
    asking = prompt(request, "graph_of_thoughts", "merge", words)
    way = prompt(request, "graph_of_thoughts", "way")
    shown = [fill(way, {"n": str(i), "steps": "\n".join(node.thought.steps)}) for i, node in enumerate(ways, 1)]
    return with_question(request, "\n" + "\n\n".join([*shown, asking])).side_request()
