"""Tree of thoughts: propose steps, value where they lead, go on from the best."""

from typing import Any, Literal, TypeAlias

from ...contract import Message, Model, Reply, Request
from ...errors import Unsupported
from ...prompts import prompt
from ...scope import note
from ...technique import adds_output, final_call, with_sampling_temperature
from ..prompting import Words, last_user_message, require_at_least
from .crosswords import Crosswords
from .game24 import Game24
from .games import FreeReasoning, Game, with_steps
from .thought_search import Explorer, Node, beam, depth_first, monte_carlo

GAMES: dict[str, type[Game]] = {"free": FreeReasoning, "game24": Game24, "crosswords": Crosswords}
STRATEGIES = {"beam": beam, "dfs": depth_first, "mcts": monte_carlo}
Judge: TypeAlias = Model | Literal["random"] | None


def expansions(breadth: int, depth: int, visits: int | None) -> int:
    return 1 + (depth - 1) * breadth if visits is None else visits


def valuing(model: int, judge: int | str | None) -> int:
    """The most calls that one value takes."""
    return model if judge is None else judge if isinstance(judge, int) else 0


def _calls(model: int, breadth: int, depth: int, k: int, samples: int, visits: int | None, judge: Any, **_: Any) -> int:
    return expansions(breadth, depth, visits) * (samples * model + k * valuing(model, judge)) + model


@adds_output(calls=_calls)
async def tree_of_thoughts(
    model: Model,
    request: Request,
    *,
    strategy: Literal["beam", "dfs", "mcts"] = "beam",
    breadth: int = 3,
    depth: int = 3,
    k: int = 4,
    samples: int = 1,
    visits: int | None = None,
    game: Literal["free", "game24", "crosswords"] | Game = "free",
    judge: Judge = None,
    propose: Words = None,
    value: Words = None,
    answer: Words = None,
) -> Reply:
    """Search among steps instead of writing one chain of them (Yao et al. 2023).

    One reply, or each of `samples` replies, proposes next steps, a line each; each of the first `k` places that they
    lead to gets a value of its own. `beam` keeps the best `breadth` of each level; `dfs` follows the best child and
    turns back where the value is 0; `mcts` chooses by UCT with the value in the place of a random playout (as in LATS,
    Zhou et al. 2024; RAP, Hao et al. 2023). At most `visits` thoughts are expanded, by default as many as a beam
    expands. `judge`: another model values, or `random`, to see what the values are worth. When the search is over, the
    model answers from the best steps.

    `game` adds rules: steps that break them are dropped, a solution that they show ends the search. Where none is found
    in the game of 24, the question is asked plainly. Crosswords take a depth of all places (10 for 5 by 5) and, with
    `dfs`, some 60 visits. A question that is none of the game is searched freely, and the report says so.
    Yao et al. ask for each value three times and add up; here it is asked once. Two ways to one place are one.
    """
    left = expansions(breadth, depth, visits)
    counts = {"breadth": breadth, "depth": depth, "k": k, "samples": samples, "visits": left}
    require_at_least(1, "tree_of_thoughts", counts)
    if last_user_message(request) is None:
        return await final_call(model, request)
    rules: Game = GAMES[game]() if isinstance(game, str) else game
    root = rules.begin(request)
    if root is None:
        note(f"tree_of_thoughts: a question that is none of {game} was searched freely")
        rules, root = FreeReasoning(), FreeReasoning().begin(request)
    elif not isinstance(rules, FreeReasoning) and (request.schema is not None or request.sampling.logprobs is not None):
        raise Unsupported("tree_of_thoughts: the answer is put together from the steps of a game, so a JSON schema or "
                          "log-probabilities cannot hold for it; leave them out")  # fmt: skip
    valuer = None if judge == "random" else judge if isinstance(judge, Model) else model
    sampled = with_sampling_temperature(request, samples)
    explorer = Explorer(model, valuer, rules, sampled, k, depth, left, propose, value, samples)
    await STRATEGIES[strategy](explorer, Node(root, 0), breadth)
    if explorer.solved:
        return Reply(Message("assistant", rules.solution(request, explorer.solved.thought) or ""))
    return await finish(model, explorer, answer)


async def finish(model: Model, explorer: Explorer, words: Words) -> Reply:
    """The answer from the best steps that were found; the question as it is when there are none to go on from."""
    request, best = explorer.request, explorer.best
    if best is None or not explorer.game.goes_on:
        return await final_call(model, request)
    asking = prompt(request, "tree_of_thoughts", "answer", words)
    return await final_call(model, with_steps(request, best.thought, asking))
