"""Best of n: sample several replies, grade each, and keep the best."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from ..answers import RULES, final_answer
from ..contract import Message, Model, Reply, Request, Scorer
from ..errors import NoAnswer
from ..prompts import prompt
from ..scope import note
from ..technique import adds_output, ballot, gather, no_answer, with_sampling_temperature
from .prompting import Words
from .search.game24 import Game24Scorer

Grader: TypeAlias = Scorer | Model | Literal["game24"] | None
GAME_SCORERS: Mapping[str, Scorer] = {"game24": Game24Scorer()}


def _best_of_n_calls(model: int, n: int, scorer: Any, **_: Any) -> int:
    scorer = GAME_SCORERS.get(scorer, scorer) if isinstance(scorer, str) else scorer
    grading = model if scorer is None else scorer if isinstance(scorer, int) else scorer.calls
    return n * (model + grading)


@adds_output(calls=_best_of_n_calls)
async def best_of_n(model: Model, request: Request, *, n: int = 4, scorer: Grader = None, grade: Words = None) -> Reply:
    """Sample `n` replies and keep the one that the scorer likes best (Cobbe et al. 2021 use a trained verifier).

    A model as scorer is asked for a grade from 0 to 10 of each reply, with the words of `grade`; without one the model
    grades itself; a reward model (`reward:FOLDER`) is not asked, and `game24` checks by the rules of that game. Equal
    replies are graded once. A reply whose grade cannot be read is out; when most samples ask for tools, the most common
    tool call wins.
    """
    request = with_sampling_temperature(request, n)
    samples = await gather(model, [request] * n)
    replies = [sample for sample in samples if isinstance(sample, Reply)]
    calls = [reply for reply in replies if reply.finish == "tool_calls"]
    if len(calls) * 2 > len(replies):
        votes = Counter(ballot(call, final_answer) for call in calls)
        return next(call for call in calls if ballot(call, final_answer) == votes.most_common(1)[0][0])
    answers = [reply for reply in replies if reply.finish == "stop"]
    if not answers:
        raise no_answer(samples)
    distinct = [reply for i, reply in enumerate(answers) if reply.message not in [r.message for r in answers[:i]]]
    if scorer is None or (isinstance(scorer, Model) and not isinstance(scorer, Scorer)):
        question = Message("user", prompt(request, "best_of_n", "grade", grade))
        gradings = [request.side_request(reply.message, question).with_sampling(temperature=None) for reply in distinct]
        verdicts = await gather(scorer or model, gradings, first=n)
        grades = [_number(ballot(sample, RULES["number"])) for sample in verdicts]
    else:
        game_scorer = GAME_SCORERS[scorer] if isinstance(scorer, str) else scorer
        grades = list((await game_scorer.score(request, distinct)).values)
        if game_scorer is not scorer and None in grades:
            note(f"best_of_n: a question that is none of {scorer} was not graded: its first reply was kept")
            return distinct[0]
    if all(value is None for value in grades):
        raise NoAnswer(f"none of {len(answers)} replies got a grade that could be read")
    return max(zip(distinct, grades, strict=True), key=lambda pair: float("-inf") if pair[1] is None else pair[1])[0]


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
