"""What the models of one request hand to each other: their answers, numbered, without their thoughts."""

import re
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


def with_answers(
    request: Request, words: str, texts: Iterable[str], values: Mapping[str, str] = MappingProxyType({})
) -> Request:
    """The request with `words` below it, in which {answers} stands for the texts, numbered."""
    return with_instruction(request, fill(words, {"answers": numbered(request, texts), **values}))


def numbered(request: Request, texts: Iterable[str]) -> str:
    one = prompt(request, "cooperate", "answer")
    return "\n\n".join(fill(one, {"n": str(n), "text": text}) for n, text in enumerate(texts, 1))


def text_of(reply: Reply) -> str:
    """What others get to read of a reply."""
    return answer_text(reply.text) or ""


def answered(samples: Sequence[Reply | FailedSample], technique: str) -> dict[int, str]:
    """The texts of the samples that are answers, by their places; the report says how many are not."""
    texts = {i: text_of(s) for i, s in enumerate(samples) if isinstance(s, Reply) and s.finish == "stop"}
    texts = {i: text for i, text in texts.items() if text}
    if lost := len(samples) - len(texts):
        note(f"{technique}: {lost} of {len(samples)} gave no answer; the work of the others went on")
    return texts


def for_each_of(request: Request, models: Sequence[Model], technique: str) -> Request:
    """The request as all `models` get it: at a temperature above 0 where some are the same, or they would be copies."""
    if not models:
        raise BadInput(f"{technique}: models=[]; expected at least one")
    return with_sampling_temperature(request, max(Counter(model.name for model in models).values()))


_NUMBERS = re.compile(r"\d+(?:(?:\s|[,，、;；&+]|and|和)+\d+)*")


def chosen_numbers(text: str, count: int) -> tuple[int, ...] | None:
    """The numbers up to `count` that the last line of a choice names, () for 0 alone; None where it cannot be read."""
    lines = (answer_text(text) or "").splitlines()
    places = _NUMBERS.findall(lines[-1]) if lines else []
    if len(places) != 1 or re.search(r"-\d", lines[-1]):  # neither -1 nor 1-3 names a number
        return None
    numbers = tuple(dict.fromkeys(int(digits[:9]) for digits in re.findall(r"\d+", places[0])))
    return () if numbers == (0,) else numbers if all(1 <= number <= count for number in numbers) else None
