"""`reward:FOLDER`: what `jielong train reward` made. It grades replies and writes none: a `Scorer` with a name.

A grade is the probability that the reply is better than an average one of those that the model was tested on. With
several heads (helpful, safe …) it is their mean, or weighted: `reward:FOLDER?helpful=3&safe=1`.

The folder is a checkpoint as transformers writes one for sequence classification, a label for each head, and
`reward.json` beside it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from anyio import to_thread

from ...bounded_json import read_json
from ...contract import Model, Reply, Request, Scores
from ...errors import BadInput, DamagedFile, MissingExtra, Unsupported
from ...recipe import quote
from ...registry import unknown_name
from ...regular_files import read_regular_file
from ...runtime.runtime import active_runtime
from .checkpoint_folder import Checkpoint, generation_defaults, open_checkpoint
from .classifier import LoadedClassifier, TextEncoder

REWARD_FILE = "reward.json"


@dataclass(frozen=True, slots=True)
class RewardHead:
    """`center`: the mean reward of the replies it was tested on; `slope`: log-odds of being better for each unit."""

    center: float = 0.0
    slope: float = 1.0

    def grade(self, reward: float) -> float:
        return 1 / (1 + math.exp(-max(-500.0, min(500.0, self.slope * (reward - self.center)))))


def load(kind: str, rest: str) -> Model:
    """`reward:FOLDER`. Raises BadInput for a folder that holds no reward model, MissingExtra."""
    folder, _, query = rest.partition("?")
    if not (Path(folder).expanduser() / REWARD_FILE).is_file():
        raise BadInput(f"reward:{folder}: no {REWARD_FILE} in it; expected the weights of `jielong train reward`")
    checkpoint = open_checkpoint(folder)
    if checkpoint.engine != "torch":
        raise MissingExtra(f"reward:{folder}", "local")
    heads = read_heads(checkpoint.folder)
    weights = dict(parse_qsl(query, keep_blank_values=True))
    for name in weights:
        if name not in heads:
            raise unknown_name(f"head of reward:{folder}", name, heads)
    try:
        shares = {name: float(weights.get(name, 0.0 if weights else 1.0)) for name in heads}
    except ValueError:
        raise BadInput(f"reward:{rest}: expected a number as the weight of each head") from None
    if not all(0 <= share < math.inf for share in shares.values()) or not sum(shares.values()):
        raise BadInput(f"reward:{rest}: expected weights of 0 or more, one of them greater")
    return RewardModel(rest, checkpoint, heads, shares)


def read_heads(folder: Path) -> dict[str, RewardHead]:
    """The heads by name, in the order of the checkpoint's labels. Raises DamagedFile."""
    file = folder / REWARD_FILE
    try:
        heads = read_json(read_regular_file(file))["heads"]
        return {str(name): RewardHead(float(head["center"]), float(head["slope"])) for name, head in heads.items()}
    except (ValueError, LookupError, TypeError, AttributeError):
        raise DamagedFile(f"{file}: not the heads of a reward model; train it again") from None


class RewardModel(Model):
    """A Model by its name and place in recipes, a Scorer by what it does. It runs here and spends no call."""

    calls = 0

    def __init__(
        self, spec: str, checkpoint: Checkpoint, heads: Mapping[str, RewardHead], weights: Mapping[str, float]
    ) -> None:
        self._spec, self._checkpoint = spec, checkpoint
        self.heads, self.weights = heads, weights

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return quote(f"reward:{self._spec}")

    def max_calls(self) -> int:
        return 0

    async def generate(self, request: Request) -> Reply:
        raise Unsupported(f"{self.name} grades replies and writes none; use it as scorer= or judge=, or as --judge")

    async def score(self, request: Request, replies: Sequence[Reply]) -> Scores:
        """A grade from 0 to 1 for each reply."""
        total, rewards = sum(self.weights.values()), await self.rewards(request, replies)
        return Scores(tuple(sum(self.weights[n] * self.heads[n].grade(r[n]) for n in r) / total for r in rewards))

    async def rewards(self, request: Request, replies: Sequence[Reply]) -> list[dict[str, float]]:
        """What each head gives each reply, as log-odds without a zero: only differences say something."""
        return await to_thread.run_sync(lambda: [self._rewards(request, reply.text) for reply in replies])

    def _rewards(self, request: Request, reply: str) -> dict[str, float]:
        """Each reply is read alone: what is padded to its neighbours' length is rounded in another way."""
        import torch

        ids = self._texts.encode(request, reply)
        with self._loaded.lock, torch.inference_mode():
            rows = torch.tensor([ids], device=self._loaded.module.device)
            values: list[float] = head_rewards(self._loaded.module, rows, torch.ones_like(rows))[0].tolist()
        return dict(zip(self.heads, values, strict=True))

    @property
    def _loaded(self) -> LoadedClassifier:
        return active_runtime().get(LoadedClassifier, self._checkpoint)

    @cached_property
    def _texts(self) -> RewardTexts:
        return RewardTexts(self._checkpoint)


class RewardTexts:
    """A request with its reply as tokens: the same in training as when replies are graded.

    In a chat format the reply stands where the model would have written it, with the token that ends it. A network
    without one (an encoder, a base model) reads the messages and then the reply, each as a text with the tokens that
    the tokenizer puts around it.
    """

    def __init__(self, checkpoint: Checkpoint, longest: int | None = None) -> None:
        texts = TextEncoder(checkpoint)
        self._chat, self.context = texts.chat, min(texts.context, longest or texts.context)
        self._end = sorted(generation_defaults(checkpoint.folder).end)[:1]
        tokens = self._chat.tokenizer.get_added_tokens_decoder()
        self._special = {number for number, token in tokens.items() if token.special}

    def encode(self, request: Request, reply: str) -> tuple[int, ...]:
        """What is too long loses the beginning of its prompt. Raises Unsupported for what the template cannot hold."""
        if self._chat.is_base:
            prompt = self._chat.encode_plain("\n\n".join(message.text for message in request.messages))
            ids = [*prompt, *self._without_first(self._chat.encode_plain(reply))]
        else:
            ids = [*self._chat.encode_request(request), *self._chat.encode_text(reply), *self._end]
        if len(ids) <= self.context:
            return tuple(ids)
        first = ids[:1] if ids[0] in self._special else []
        return (*first, *ids[len(first) - self.context :])

    def _without_first(self, ids: Sequence[int]) -> Sequence[int]:
        """A text that goes on has no token that begins one."""
        return ids[1:] if ids and ids[0] in self._special else ids


def head_rewards(network: Any, input_ids: Any, attention_mask: Any) -> Any:
    """(rows, heads), fp32: what the heads read at the last token of each row, whatever the padding is and where it
    stands; of an encoder at its first one, which needs padding on the right.

    transformers finds the last token by its id, and takes an earlier one where a reply ends with the padding's token.
    """
    body = network.get_base_model() if hasattr(network, "get_base_model") else network
    if not hasattr(body, "score"):
        return network(input_ids=input_ids, attention_mask=attention_mask).logits.float()
    count = attention_mask.cumsum(-1)
    states = getattr(body, body.base_model_prefix)(
        input_ids=input_ids, attention_mask=attention_mask, position_ids=(count - 1).clamp(min=0), use_cache=False
    ).last_hidden_state
    last = count.argmax(-1)[:, None, None].expand(-1, 1, states.shape[-1])
    return body.score(states.gather(1, last)[:, 0]).float()
