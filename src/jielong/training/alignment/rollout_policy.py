"""The network in training as a model that can be asked: its replies go through the ledger, with the tokens as sampled.

Each token of a reply is written as `token_id:N` among its log-probabilities, which is how vLLM writes them when asked
to (`return_tokens_as_token_ids`). So a reply trains the tokens that were drawn, never what its text would be tokenized
as; and a rollout is found in the ledger again like any other reply.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

import torch

from ...call_context import Path as CallPath
from ...call_context import current
from ...contract import Message, Model, Reply, Request, Usage
from ...errors import BadInput, TooLong
from ...models.chat_template import ChatTemplate
from ...models.continuous_batching import Batcher, Engine, GenerationJob
from ...models.llama_engine import LlamaEngine
from ...models.llama_weights import unsupported_setting, weights_of
from ...models.local.checkpoint_folder import generation_defaults
from ...models.local.transformers_engine import TorchEngine
from ...models.openai import Endpoint
from ...models.openai.connection_pools import connection_pool, proxy_for
from ...models.openai.endpoint_presets import resolve_endpoint
from ...models.token_sampling import Sampler
from ...runtime.provider import Provider
from ...sync import run_sync
from ..precision import autocast
from ..train_config import LoopConfig

TOKEN_ID = "token_id:"


class RolloutPolicy(Protocol):
    """`asked`: by the path of a call, what was asked after techniques had their say."""

    asked: dict[CallPath, Request]

    def renew(self, version: str) -> None:
        """The weights have changed: what is asked from now on is asked of `version`."""

    def encode(self, request: Request) -> tuple[int, ...]:
        """The tokens of a request, up to where the reply begins."""


class NetworkPolicy(Provider):
    """`folder`: the checkpoint that the training began with, whose tokenizer and chat template count. Every other
    sampling setting than temperature, limit and seed would make the replies those of another policy."""

    seeded: ClassVar[Literal["exact", "best_effort", "none"]] = "exact"

    def __init__(self, network: Any, folder: Path, loop: LoopConfig, digest: str) -> None:
        self._network, self._loop, self._digest = network, loop, digest
        self._chat, self._end = ChatTemplate(folder), generation_defaults(folder).end
        if not self._end:
            raise BadInput(f"{folder}: no token that ends a reply (eos_token_id): every rollout would be cut off")
        self._version = ""
        self.asked: dict[CallPath, Request] = {}
        self._batcher: Batcher | None = None

    @property
    def name(self) -> str:
        return "policy"

    def identity(self) -> str:
        return f"policy {self._digest} {self._version}"

    def renew(self, version: str) -> None:
        self._version = version
        self._network.eval()
        if self._batcher is None:
            self._batcher = Batcher(self._engine())
        elif self._is_plain_llama():
            self._batcher.replace_engine(self._engine())

    def _is_plain_llama(self) -> bool:
        on_cpu = self._network.device.type == "cpu" and not hasattr(self._network, "disable_adapter")
        return on_cpu and unsupported_setting(self._network.config.to_dict()) is None

    def _engine(self) -> Engine:
        """mini's engine where it computes this network: on a CPU it is several times faster than the torch module."""
        if not self._is_plain_llama():
            return _TrainingEngine(self._network, self._loop)
        tensors = {name: value.detach().numpy() for name, value in self._network.state_dict().items()}
        return LlamaEngine(weights_of(self._network.config.to_dict(), tensors))

    async def generate(self, request: Request) -> Reply:
        self.asked[current().path] = request
        return await super().generate(request)

    def encode(self, request: Request) -> tuple[int, ...]:
        return self._chat.encode_request(request)

    async def send(self, request: Request, attempt: str) -> Reply:
        assert self._batcher is not None, "renew() comes first"
        prompt, sampling = self.encode(request), request.sampling
        room = self._batcher.context - len(prompt)
        if room < 1:
            raise TooLong(f"the policy reads {self._batcher.context} tokens, and a prompt has {len(prompt)}")
        sampler = Sampler(sampling.temperature or 0.0, 1.0, sampling.seed or 0)
        limit = min(room, sampling.max_tokens or room)
        job = GenerationJob(
            prompt, sampler, limit, self._end, self._chat.decode, logprobs=0,
            decode_token=lambda token: f"{TOKEN_ID}{token}",
        )  # fmt: skip
        result = await self._batcher.generate(job)
        tokens = (*(result.logprobs or ()), *((result.ended_by,) if result.ended_by else ()))
        usage = Usage(input_tokens=len(prompt), output_tokens=len(tokens))
        return Reply(Message("assistant", result.text), result.finish, usage, logprobs=tokens)


class EndpointPolicy(Model):
    """An adapter in training behind a vLLM server (`--enable-lora`, VLLM_ALLOW_RUNTIME_LORA_UPDATING=1) that reads the
    same disk: each version is written to a folder of its own and loaded under a name of its own, so that no reply can
    be of another version, and every one is in the ledger under its own model."""

    def __init__(self, network: Any, folder: Path, endpoint: str, out: Path, digest: str) -> None:
        target = resolve_endpoint(*endpoint.split(":", 1))
        self._network, self._chat, self._target, self._out = network, ChatTemplate(folder), target, out
        self._base, self._digest = target.model, hashlib.sha256(digest.encode()).hexdigest()[:8]
        self._model = Endpoint(target)
        self.asked: dict[CallPath, Request] = {}

    @property
    def name(self) -> str:
        return "policy"

    def encode(self, request: Request) -> tuple[int, ...]:
        return self._chat.encode_request(request)

    def renew(self, version: str) -> None:
        name = f"{self._digest}-{version.replace(' ', '-')}"
        folder = self._out / "policy" / name
        self._export(folder)
        run_sync(self._load, name, folder.resolve())
        self._model = Endpoint(replace(self._target, model=name))
        self._network.eval()

    def _export(self, folder: Path) -> None:
        from ..adapters import export_adapter  # imports PEFT, which a training without adapter does without

        export_adapter(self._network, self._base, folder)

    async def _load(self, name: str, folder: Path) -> None:
        url, pool = self._target.urls[0], await connection_pool()
        keys = self._model.keys()
        headers = {"Authorization": f"Bearer {keys[0]}"} if keys else {}
        body = {"lora_name": name, "lora_path": str(folder)}
        async with pool.post(f"{url}/load_lora_adapter", json=body, headers=headers, proxy=proxy_for(url)) as response:
            text = (await response.text())[:200]
            if response.status >= 400 and "already been loaded" not in text:
                raise BadInput(
                    f"{url} does not load the adapter {folder}: {text or response.status}; see docs/training.md"
                )

    async def generate(self, request: Request) -> Reply:
        self.asked[current().path] = request
        reply = await self._model.generate(request.with_sampling(top_p=1.0, extra=_AS_THE_NETWORK))
        expected = len(self.encode(request))
        if reply.usage.input_tokens not in (0, expected):
            raise BadInput(
                f"the endpoint reads {reply.usage.input_tokens} tokens where the checkpoint has {expected}: its chat "
                "template is another one, so its replies are not those of this policy"
            )
        return reply


# A server's own defaults (from generation_config.json) would sample from another policy.
_AS_THE_NETWORK = {
    "return_tokens_as_token_ids": True, "top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0,
}  # fmt: skip


class _TrainingEngine(TorchEngine):
    """The torch module in the precision that it is trained in: another one would sample from another policy."""

    def __init__(self, network: Any, loop: LoopConfig) -> None:
        super().__init__(network)
        self._loop = loop

    def _forward(self, ids: Any, adapters: Sequence[str], **arguments: Any) -> Any:
        """`adapters` is without meaning here: the one in training is on."""
        with torch.inference_mode(), autocast(self._loop, self.module.device):
            return self.module(ids, **arguments).logits.float().cpu().numpy()


def sampled_tokens(reply: Reply) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """The ids of a reply's tokens, the one that ended it included, and their log-probabilities at temperature 1.

    Raises BadInput where a reply does not tell them: its text must not be tokenized again, as that gives other tokens.
    """
    tokens = reply.logprobs or ()
    if not tokens or not all(
        each.token.startswith(TOKEN_ID) and each.token[len(TOKEN_ID) :].isdigit() for each in tokens
    ):
        raise BadInput(
            "the endpoint does not tell the ids of the tokens that it samples; vLLM does "
            '(logprobs with "return_tokens_as_token_ids")'
        )
    return tuple(int(each.token[len(TOKEN_ID) :]) for each in tokens), tuple(each.logprob for each in tokens)
