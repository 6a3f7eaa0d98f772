"""Cascade: cheap models first; the next one is asked only where the last was not sure of its reply."""

from collections.abc import Sequence

from ...answers import final_answer
from ...contract import AnswerRule, Model, Reply, Request, Scorer
from ...errors import BadInput, SampleError
from ...technique import adds_output, final_call
from ..prompting import Words, require_at_least
from .confidence import Accept, Confidence


def _cascade_calls(model: int, models: Sequence[int], accept: Accept, n: int, judge: object, **_: object) -> int:
    stages, ask = [model, *models], Confidence(accept, n)
    graders = (
        stages[1:] if judge is None else [judge if isinstance(judge, int) else getattr(judge, "calls", 0)] * len(models)
    )
    return sum(map(ask.max_calls, stages[:-1], graders)) + stages[-1]


@adds_output(calls=_cascade_calls)
async def cascade(
    model: Model,
    request: Request,
    *,
    models: Sequence[Model],
    accept: Accept = "agreement",
    threshold: float | Sequence[float] = 0.8,
    n: int = 3,
    judge: Scorer | Model | None = None,
    answer: AnswerRule = final_answer,
    grade: Words = None,
    ask: Words = None,
) -> Reply:
    """The model in front of the bar answers first, then `models` in order; the first reply that is sure enough is kept,
    and the last one without a question (Chen et al. 2023, FrugalGPT, train a scorer for this; here it is one of four).

    A stage is sure where its confidence is at least `threshold`: one for all stages, or one for each but the last.
    `accept`: `agreement` of `n` samples; `logprob`, the geometric mean of the tokens' probabilities; `judge`, a grade
    from 0 to 1 (a scorer's own scale) by `judge`, or by the next stage without one; `own_word`, what the model says
    when it is asked how sure it is. Thresholds differ from model to model: `jielong cascade fit` finds them on a task.
    A stage that fails, or whose confidence cannot be read, is not sure. Rejected attempts are in the usage.
    """
    stages = stages_of(model, models)
    require_at_least(1, "cascade", {"n": n, "models": len(stages) - 1})
    thresholds = [threshold] * (len(stages) - 1) if isinstance(threshold, int | float) else list(threshold)
    if len(thresholds) != len(stages) - 1:
        raise BadInput(f"cascade: {len(thresholds)} thresholds for {len(stages)} stages; expected {len(stages) - 1}")
    confidence = Confidence(accept, n, judge, answer, grade, ask)
    unsure: Reply | None = None
    for stage, following, enough in zip(stages[:-1], stages[1:], thresholds, strict=True):
        try:
            reply, sure = await confidence.attempt(stage, request, following, enough)
        except SampleError:
            continue
        if sure is not None and sure >= enough:
            return reply
        unsure = reply
    return await final_call(stages[-1], request, otherwise=unsure)


def stages_of(model: Model, models: Sequence[Model]) -> list[Model]:
    """The model in front of the bar, then the others; named as the first of them, too, it is asked once."""
    return [model, *(models[1:] if models and models[0].name == model.name else models)]
