"""Multiple choice by likelihood: of the choices, the one that the model would most likely write is its answer.

The model sees the question and is asked for the log-probability of each choice as what comes next (`Model.logprobs`).
Names and digits are those of lm-evaluation-harness:

- `acc`: the sum of the log-probabilities of a choice's tokens;
- `acc_norm`: that sum for each character (not for each byte, as is often said: in Chinese the two differ);
- `acc_bytes`: that sum for each byte in UTF-8;
- `acc_mutual_info`: that sum less the same without the question, which asks twice as much;
- `acc_letter`: the model also sees the choices, and the log-probabilities are those of their letters, as MMLU has it.
  Endpoints that report alternatives of their reply's tokens can do this, too.

Three things differ. Choices that tie share the point, where the harness gives it to the first of them. A text that is
longer than the model reads makes its item lost, where the harness cuts off its beginning. And a token that reaches
across the join of question and choice is not cut (models/continuation_tokens.py).
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import anyio

from ..contract import Message, Model, Reply, Request, TokenLogprob
from ..errors import BadInput, NoAnswer, Unsupported
from ..prompts import catalogue, fill, language
from ..scope import note
from ..sync import unwrap_exception_group
from .answer_equality import chosen_letter, plain
from .item import Item
from .metric import Score, Unit

MOST_LABELS = 100
# What a choice is worth: of its log-probability, the same without the question, and its text.
MEASURES: Mapping[str, Callable[[float, float, str], float]] = {
    "acc": lambda conditional, alone, text: conditional,
    "acc_norm": lambda conditional, alone, text: conditional / max(1, len(text)),
    "acc_bytes": lambda conditional, alone, text: conditional / max(1, len(text.encode())),
    "acc_mutual_info": lambda conditional, alone, text: conditional - alone,
    "acc_letter": lambda conditional, alone, text: conditional,
}
ALTERNATIVES, REPLY_TOKENS = (
    20,
    16,
)  # of a reply that names a letter: the most that endpoints report; "The answer is (B)"


@dataclass(frozen=True)
class LikelihoodMetric:
    """Asks by itself (`AskingMetric`). The choices are the item's; `labels` are those of items that have none.

    Its reply holds a TokenLogprob for each choice, whose `top` has the same without the question where that was asked.
    """

    name: str
    labels: tuple[str, ...] = ()
    max_tokens: int = REPLY_TOKENS
    unit: Unit = "share"

    def with_labels(self, labels: tuple[str, ...]) -> LikelihoodMetric:
        return replace(self, labels=labels)

    def calls(self, item: Item) -> int:
        """The most provider calls that one item takes."""
        return len(self._choices(item)) * (2 if self.name == "acc_mutual_info" else 1)

    async def ask(self, model: Model, item: Item) -> Reply:
        """Raises BadInput for an item without choices, Unsupported for a model that gives no log-probabilities."""
        texts = self._choices(item)
        if self.name == "acc_letter":
            choices = await _letters(model, replace(item, choices=tuple(texts)))
        else:
            choices = await _at_once([partial(self._choice, model, item, text) for text in texts])
        lines = [f"{_letter(i)} {each.logprob!r} {each.token}" for i, each in enumerate(choices)]
        return Reply(Message("assistant", "\n".join(lines)), logprobs=tuple(choices))

    async def _choice(self, model: Model, item: Item, text: str) -> TokenLogprob:
        nothing = Request((Message("user", ""),))
        alone = [("", await _log_likelihood(model, nothing, text))] if self.name == "acc_mutual_info" else []
        return TokenLogprob(text, await _log_likelihood(model, question_request(item), text), tuple(alone))

    def extract(self, reply: Reply) -> str | None:
        """The letter of the choice, or of all that tie."""
        return " = ".join(map(_letter, _best(self.name, reply.logprobs or ()))) or None

    async def score(self, item: Item, reply: Reply) -> Score:
        """All measures that need no further calls are parts. Raises NoAnswer for what is not a number."""
        choices, right = reply.logprobs or (), self._right(item)
        if any(math.isnan(each.logprob) for each in choices):
            raise NoAnswer("a log-probability is not a number", lost=True)
        if len(best := _best(self.name, choices)) > 1:
            note("choices that are equally likely share the point")
        others = () if self.name == "acc_letter" else ("acc", "acc_norm", "acc_bytes")
        parts = {name: _point(_best(name, choices), right) for name in dict.fromkeys((*others, self.name))}
        return Score(_point(best, right), self.extract(reply), parts if others else {})

    def same(self, a: str, b: str) -> bool:
        return plain(a) == plain(b)

    def _choices(self, item: Item) -> Sequence[str]:
        if item.choices:
            return item.choices
        if not 2 <= len(self.labels) <= MOST_LABELS:
            raise BadInput(f"the metric `{self.name}` needs choices, or a few labels as answers; this task has neither")
        return self.labels

    def _right(self, item: Item) -> set[int]:
        if item.choices:
            letters = [chosen_letter(gold, item.choices) or gold.strip() for gold in item.accepted]
            return {ord(letter) - ord("A") for letter in letters if len(letter) == 1}
        golds = {plain(gold) for gold in item.accepted}
        return {i for i, label in enumerate(self.labels) if plain(label) in golds}


def question_request(item: Item, lettered: str = "") -> Request:
    """The question in the form that a choice completes, without the choices; `lettered`: with them, as this text."""
    last = item.input if isinstance(item.input, str) else item.input[-1].text
    template = catalogue(language(last))["task"]["completed_by_choice"]
    question = fill(template, {"question": f"{last}\n{lettered}" if lettered else last})
    whole = question if isinstance(item.input, str) else (*item.input[:-1], replace(item.input[-1], content=question))
    return replace(item, input=whole, choices=()).request()


async def _at_once(calls: Sequence[Callable[[], Awaitable[TokenLogprob]]]) -> list[TokenLogprob]:
    """A model that is run here reads the question once for all choices that are asked at the same time."""
    results: dict[int, TokenLogprob] = {}

    async def call(i: int) -> None:
        results[i] = await calls[i]()

    with unwrap_exception_group():
        async with anyio.create_task_group() as tasks:
            for i in range(len(calls)):
                tasks.start_soon(call, i)
    return [results[i] for i in range(len(calls))]


async def _log_likelihood(model: Model, request: Request, choice: str) -> float:
    return math.fsum(each.logprob for each in await model.logprobs(request, choice))


async def _letters(model: Model, item: Item) -> list[TokenLogprob]:
    """The log-probability of each letter; none where no token of a reply is one."""
    letters = [_letter(i) for i in range(len(item.choices))]
    lines = "\n".join(f"{letter}. {text}" for letter, text in zip(letters, item.choices, strict=True))
    request = question_request(item, lines)
    try:
        return [TokenLogprob(letter, await _log_likelihood(model, request, letter)) for letter in letters]
    except Unsupported:
        pass  # of an endpoint: it reports the alternatives of what it writes itself
    sampling = {"temperature": 0.0, "max_tokens": REPLY_TOKENS, "logprobs": ALTERNATIVES, "seed": 0}
    reply = await model.generate(item.request().with_sampling(**sampling))
    if reply.logprobs is None:
        raise Unsupported(f"{model.name} gives no log-probabilities; use another rule, such as choice")
    for token in reply.logprobs:
        if _core(token.token) in letters:
            return [TokenLogprob(letter, _summed(token, letter)) for letter in letters]
    return []


def _core(token: str) -> str:
    return token.strip(" \n\t()[]（）【】*.:：\"'`")


def _summed(token: TokenLogprob, letter: str) -> float:
    """Of "A", " A" and "(A" together; minus infinity where none of them is among the alternatives."""
    alternatives = {token.token: token.logprob, **dict(token.top)}
    total = math.fsum(math.exp(value) for text, value in alternatives.items() if _core(text) == letter)
    return math.log(total) if total else -math.inf


def _best(name: str, choices: Sequence[TokenLogprob]) -> list[int]:
    """The choices that are the most likely, several where they tie."""
    alone = [each.top[0][1] if each.top else 0.0 for each in choices]
    measure = MEASURES[name]
    values = [measure(each.logprob, other, each.token) for each, other in zip(choices, alone, strict=True)]
    return [i for i, value in enumerate(values) if value == max(values)]


def _point(best: Sequence[int], right: set[int]) -> float:
    return sum(i in right for i in best) / max(1, len(best))


def _letter(index: int) -> str:
    return chr(ord("A") + index) if index < 26 else str(index + 1)


acc, acc_norm, acc_bytes, acc_mutual_info, acc_letter = map(LikelihoodMetric, MEASURES)
