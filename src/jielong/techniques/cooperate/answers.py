"""What the models of one request hand to each other: their answers, numbered, without their thoughts."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from ...answers.thoughts import answer_text
from ...contract import Model, Reply, Request
from ...errors import BadInput
from ...prompts import fill, prompt
from ...scope import note
from ...technique import FailedSample, with_sampling_temperature
from ..prompting import with_instruction
from ..sources import LINE_MARK


def with_answers(
    request: Request, words: str, texts: Iterable[str], values: Mapping[str, str] = MappingProxyType({})
) -> Request:
    """The request with `words` below it, in which {answers} stands for the texts, numbered."""
    return with_instruction(request, fill(words, {"answers": numbered(request, texts), **values}))


def numbered(request: Request, texts: Iterable[str]) -> str:
    one = prompt(request, "cooperate", "answer")
    return "\n\n".join(fill(one, {"n": str(n), "text": quoted(text)}).strip() for n, text in enumerate(texts, 1))


def quoted(text: str) -> str:
    """Each line with a mark that no line of ours has: an answer may hold what looks like the next one, or a verdict."""
    return "\n".join(f"{LINE_MARK}{line}".rstrip() for line in text.splitlines())


def text_of(reply: Reply) -> str:
    """What others get to read of a reply."""
    return answer_text(reply.text) or ""


def answered(samples: Sequence[Reply | FailedSample], technique: str) -> dict[int, Reply]:
    """The samples that are answers, by their places; the report says how many are not."""
    replies = {i: s for i, s in enumerate(samples) if isinstance(s, Reply) and s.finish == "stop" and text_of(s)}
    if lost := len(samples) - len(replies):
        note(f"{technique}: {lost} of {len(samples)} gave no answer; the work of the others went on")
    return replies


def for_each_of(request: Request, models: Sequence[Model], technique: str, least: int = 1) -> Request:
    """The request as all `models` get it: at a temperature above 0 where some are the same, or they would be copies."""
    if len(models) < least:
        raise BadInput(f"{technique}: models= has {len(models)}; expected at least {least}")
    return with_sampling_temperature(request, max(Counter(model.name for model in models).values()))
