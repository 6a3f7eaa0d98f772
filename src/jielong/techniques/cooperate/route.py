"""Route: one model of several answers, chosen by the question before anything is asked."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...contract import Embedder, Model, Reply, Request
from ...errors import BadInput, EndpointUnfit
from ...model_names import is_renamed
from ...retrieval.embedders import embedder
from ...runtime.runtime import active_runtime
from ...scope import note
from ...technique import adds_output, final_call
from ..prompting import question
from .route_file import MAX_CHARACTERS, RoutedModel, Router, read_route_file, surface


@adds_output(calls=lambda model, models, **_: max((model, *models)) + 1)
async def route(
    model: Model, request: Request, *, models: Sequence[Model], file: Path, cost_weight: float | None = None
) -> Reply:
    """The model in front of the bar or one of `models` answers: the one with the best chance of being right, less its
    price (as RouteLLM, Ong et al. 2024, but for any number of models, and fitted on a task of one's own).

    `file` is what `jielong route fit` wrote; it names the models that it was fitted for. `cost_weight` takes the place
    of the file's: how much of a right answer a token (or a dollar, as the file says) is worth; 0 asks for the best.
    The chance is predicted from the text of the last question alone. One call more than the model's is counted as
    possible: that of an embedder behind an endpoint. Raises BadInput where the models are not those of the file, and
    EndpointUnfit where one answers under another name than it had.
    """
    router = active_runtime().get(_LoadedRoute, file).router
    by_name = {each.name: each for each in (model, *models)}
    names = [each.name for each in router.file.models]
    if unknown := [each.name for each in models if each.name not in names]:
        raise BadInput(f"route: {file} was not fitted for {unknown[0]}, only for {', '.join(names)}; fit it again")
    if missing := [name for name in names if name not in by_name]:
        raise BadInput(f"route: {file} was fitted for {missing[0]}, too; name it among models=, or fit without it")
    if model.name not in names:
        note(f"route: {model.name} is not among the models of {file}, so it is never asked")
    text = question(request)
    vectors = await embedded(router.file.embedder, [text])
    chosen = router.file.models[
        int(router.choose(router.probabilities(np.array([surface(text)]), vectors), cost_weight)[0])
    ]
    reply = await final_call(by_name[chosen.name], request)
    _require_same_model(chosen, reply, file)
    return reply


async def embedded(
    spec: str | None, texts: Sequence[str]
) -> "np.ndarray[tuple[int, int], np.dtype[np.float64]] | None":
    """The embeddings of texts, a row for each; None without an embedder."""
    if spec is None:
        return None
    model: Embedder = embedder(spec)
    return np.array((await model.embed([text[:MAX_CHARACTERS] for text in texts])).vectors, dtype=np.float64)


class _LoadedRoute:
    """The file is read once in a process."""

    def __init__(self, file: Path) -> None:
        self.router = Router(read_route_file(file))


def _require_same_model(chosen: RoutedModel, reply: Reply, file: Path) -> None:
    """An id that was retired may be redirected: what was measured holds for the model that answered then."""
    known = chosen.answered_as
    if known and reply.answered_by and all(is_renamed(name, reply.answered_by) for name in known):
        raise EndpointUnfit(
            f"route: {chosen.name} now answers as {reply.answered_by}, and {file} was fitted when it was "
            f"{' or '.join(known)}; fit it again"
        )
