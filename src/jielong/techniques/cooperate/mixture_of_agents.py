"""Mixture of agents: models answer in layers, each layer with the answers of the one before it in sight."""

from collections.abc import Sequence

from ...contract import Model, Reply, Request
from ...errors import BadInput
from ...prompts import prompt
from ...technique import adds_output, as_role, final_call, gather, no_answer
from ..prompting import Words
from .answers import answered, for_each_of, text_of, with_answers


@adds_output(calls=lambda model, models, layers, **_: (layers - 1) * sum(models) + model)
async def mixture_of_agents(
    model: Model, request: Request, *, models: Sequence[Model], layers: int = 2, aggregate: Words = None
) -> Reply:
    """All `models` answer, then answer again from the last layer's answers; the model itself writes the final one
    (Wang et al. 2024).

    As in the paper, `layers` counts the last one, which is the model alone: 2 is its MoA-Lite, 3 its MoA. A layer sees
    the answers of the one before it and no others. Answers stand below the question, where Wang et al. put them into
    the system message. Proposers do not call tools; the last model may. Where all proposers of a later layer fail, the
    answers of the layer before stay; where the last model fails, the first answer of the last layer is the reply.
    """
    if layers < 2:
        raise BadInput(f"mixture_of_agents: layers={layers}; expected at least 2, of which the last is the model alone")
    words = prompt(request, "mixture_of_agents", "aggregate", aggregate)
    proposing = for_each_of(request.follow_up(), models, "mixture_of_agents")
    answers: list[Reply] = []
    for layer in range(1, layers):
        layer_request = with_answers(proposing, words, map(text_of, answers)) if answers else proposing
        proposers = [as_role(each, f"layer {layer}, proposer {i}") for i, each in enumerate(models, 1)]
        samples = await gather(None, [(each, layer_request) for each in proposers], first=(layer - 1) * len(models))
        answers = list(answered(samples, "mixture_of_agents").values()) or answers
        if not answers:
            raise no_answer(samples)
    return await final_call(model, with_answers(request, words, map(text_of, answers)), otherwise=answers[0])
