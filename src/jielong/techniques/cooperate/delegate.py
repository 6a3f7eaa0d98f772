"""Delegation: a model reads what others are good at, has one or several of them answer, and joins what they say."""

from collections.abc import Sequence

from ...contract import Model, Reply, Request
from ...errors import BadInput
from ...prompts import fill, prompt
from ...scope import note
from ...technique import adds_output, as_role, final_call, gather, no_answer
from ..prompting import Words, with_instruction
from .answers import answered, for_each_of, text_of, with_answers
from .choices import chosen_numbers


@adds_output(calls=lambda model, models, **_: 2 * model + sum(models))
async def delegate(
    model: Model,
    request: Request,
    *,
    models: Sequence[Model],
    descriptions: Sequence[str] = (),
    choose: Words = None,
    alone: Words = None,
    join: Words = None,
) -> Reply:
    """The model chooses who of `models` answers, by their `descriptions`, or answers by itself.

    One that is chosen alone gives the reply, with the caller's tools and settings. Several get the whole request at
    once, and the model joins their answers; where that fails, the first of them is the reply. A choice that cannot
    be read is none: the model answers by itself. As in HuggingGPT (Shen et al. 2023) descriptions alone decide; there
    the models are called with parts of the task.
    """
    if descriptions and len(descriptions) != len(models):
        raise BadInput(
            f"delegate: descriptions= has {len(descriptions)}, and models= has {len(models)}; expected one for each"
        )
    if not descriptions:
        note("delegate: no descriptions were given, so the model chose without knowing the models")
    shared = for_each_of(request.follow_up(), models, "delegate")
    listing = "\n".join(f"{n}. {text}" for n, text in enumerate(descriptions or ("?",) * len(models), 1))
    words = fill(prompt(request, "delegate", "choose", choose), {"models": listing})
    chosen = chosen_numbers((await model.generate(with_instruction(request.side_request(), words))).text, len(models))
    if chosen is None:
        note("delegate: the model's choice could not be read; it answered by itself")
    called = [as_role(models[n - 1], f"delegate {n}") for n in chosen or ()]
    if not called:
        return await final_call(model, with_instruction(request, prompt(request, "delegate", "alone", alone)))
    if len(called) == 1:
        return await final_call(called[0], request)
    samples = await gather(None, [(each, shared) for each in called])
    answers = list(answered(samples, "delegate").values())
    if not answers:
        raise no_answer(samples)
    joining = with_answers(request, prompt(request, "delegate", "join", join), map(text_of, answers))
    return await final_call(model, joining, otherwise=answers[0])
