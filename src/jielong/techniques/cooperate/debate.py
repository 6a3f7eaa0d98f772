"""A debate: models that answer differently argue, until they agree, a judge finds for one of them, or time is up."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from ...answers import RULES, final_answer
from ...contract import AnswerRule, Message, Model, Reply, Request
from ...prompts import fill, prompt
from ...technique import adds_output, as_role, final_call, gather, no_answer
from ..prompting import Words, require_at_least
from .answers import answered, for_each_of, numbered, text_of, with_answers
from .choices import chosen_numbers


def _debate_calls(model: int, models: Sequence[int], judge: int | None, rounds: int, **_: object) -> int:
    return (1 + rounds) * sum(models) + 2 * rounds * (model if judge is None else judge) + model


@adds_output(calls=_debate_calls)
async def debate(
    model: Model,
    request: Request,
    *,
    models: Sequence[Model],
    judge: Model | None = None,
    rounds: int = 2,
    answer: AnswerRule = final_answer,
    argue: Words = None,
    verdict: Words = None,
    conclude: Words = None,
) -> Reply:
    """All `models` answer; those who differ argue against each other for up to `rounds` (Liang et al. 2024).

    It ends as soon as all answers are the same by the rule `answer`, or the judge finds for the same debater twice,
    shown the debaters in opposite orders, so that their order does not decide; without a judge the model judges. Then
    that debater's answer is the reply as it first stood; where nobody gave it at first, or nobody won, the model writes
    the reply from where the debate stands. Only a verdict of the judge is read as one, whatever the debaters write.

    Liang et al. have one side oppose from the start whatever it believes; here each first answers by itself and then
    defends what it said (as in Du et al. 2024), or gives way. Debaters may ask for the caller's tools with their first
    answer. A debater that fails keeps its last answer, or is out where it has none.
    """
    require_at_least(1, "debate", {"rounds": rounds})
    rule = RULES["json"] if request.schema is not None and answer is final_answer else answer
    opening = for_each_of(request, models, "debate", least=2)
    debaters = [as_role(each, f"debater {i}") for i, each in enumerate(models, 1)]
    samples = await gather(None, [(each, opening) for each in debaters])
    if calls := [sample for sample in samples if isinstance(sample, Reply) and sample.finish == "tool_calls"]:
        return calls[0]
    openings = answered(samples, "debate")
    if not openings:
        raise no_answer(samples)
    standing = {i: text_of(reply) for i, reply in openings.items()}
    talks: Talks = {i: (Message("assistant", text),) for i, text in standing.items()}
    words = [prompt(request, "debate", name, own) for name, own in (("argue", argue), ("verdict", verdict))]
    for index in range(len(models), len(models) + rounds * (len(models) + 2), len(models) + 2):
        if _agree(standing, rule):
            break
        talks = await _argue(debaters, opening, talks, words[0], index)
        standing = {i: talk[-1].text for i, talk in talks.items()}
        if not _agree(standing, rule):
            asked = as_role(judge or model, "judge")
            standing = await _judged(asked, request, standing, words[1], index + len(models))
    answers = {_answer(text, rule) for text in standing.values()}
    first = [reply for reply in openings.values() if _answer(text_of(reply), rule) in answers]
    if len(answers) == 1 and first:
        return first[0]
    concluding = with_answers(request, prompt(request, "debate", "conclude", conclude), standing.values())
    return await final_call(model, concluding, otherwise=first[0] if first else None)


Talks: TypeAlias = dict[int, tuple[Message, ...]]  # with each debater; what it said last comes last


def _answer(text: str, rule: AnswerRule) -> str:
    return rule(text) or text


def _agree(standing: Mapping[int, str], rule: AnswerRule) -> bool:
    return len({_answer(text, rule) for text in standing.values()}) == 1


async def _argue(debaters: Sequence[Model], opening: Request, talks: Talks, words: str, index: int) -> Talks:
    """The talks after one more round, in which each debater answers the others; who fails stays with what it said."""
    standing = {i: talk[-1].text for i, talk in talks.items()}
    for i, talk in talks.items():
        others = numbered(opening, (text for other, text in standing.items() if other != i))
        talks[i] = (*talk, Message("user", fill(words, {"answers": others})))
    samples = await gather(None, [(debaters[i], opening.side_request(*talk)) for i, talk in talks.items()], first=index)
    said = {at: text_of(reply) for at, reply in answered(samples, "debate").items()}
    return {i: (*talk, Message("assistant", said.get(at, standing[i]))) for at, (i, talk) in enumerate(talks.items())}


async def _judged(judge: Model, request: Request, standing: dict[int, str], words: str, index: int) -> dict[int, str]:
    """The statement of the debater for whom the judge finds in either order; all statements where it does not."""
    orders = list(dict.fromkeys((tuple(standing.values()), tuple(standing.values())[::-1])))
    requests = [with_answers(request.side_request(), words, order) for order in orders]
    found: set[str | None] = set()
    for order, sample in zip(orders, await gather(judge, requests, first=index), strict=True):
        numbers = chosen_numbers(sample.text, len(order)) if isinstance(sample, Reply) else None
        found.add(order[numbers[0] - 1] if numbers and len(numbers) == 1 else None)
    return {i: text for i, text in standing.items() if found == {text}} or standing
