"""The settings of `jielong train align`."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, model_validator

from ..reward.reward_config import PairConfig
from ..train_config import LoopConfig, Section, TrainingConfig
from .rewards import Combine, RewardTerm


class AlignTask(Section):
    """What the policy is asked: `source` and its columns, as `jielong eval` takes them. The last part of the items,
    `held_out` of them, is for the guard and for the scores before and after."""

    source: str
    items: int | None = Field(None, gt=1)
    input: str | None = None
    answer: str | None = None
    rule: str | None = None
    held_out: float = Field(0.2, gt=0, lt=1)


class RolloutConfig(Section):
    """In each of `rounds`, `replies` replies to each of `prompts` questions are sampled, and trained on `epochs` times.

    `through`: techniques that add to the question, such as `cot`. `truncated`: a cut-off reply is paid the `worst`
    (0 by a check, else the least of its group), or has no part in the training (`drop`). `endpoint`: a vLLM server that
    samples in place of this process, `openai:BASE@URL` (rollout_policy.py).
    """

    rounds: int = Field(gt=0)
    prompts: int = Field(8, gt=0)
    replies: int = Field(8, gt=1)
    max_tokens: int = Field(gt=0)
    temperature: float = Field(1.0, gt=0)
    epochs: int = Field(1, gt=0)
    through: str = ""
    truncated: Literal["worst", "drop"] = "worst"
    endpoint: str = ""

    @model_validator(mode="after")
    def _address(self) -> RolloutConfig:
        if self.endpoint and not re.match("openai:.+@https?://.+", self.endpoint):
            raise ValueError(f"rollouts.endpoint = {self.endpoint!r}; expected openai:BASE@URL")
        return self


class GuardConfig(Section):
    """Fresh held-out votes against the proxy: `by` says who votes, as in the rewards (`answer`, a metric, a recipe of
    a reward model or judge). `every` so many rounds is a look; all of them together take at most `votes`."""

    by: str
    every: int = Field(1, gt=0)
    votes: int = Field(2000, gt=0)
    false_stops: float = Field(0.05, gt=0, lt=1)


class AlignConfig(TrainingConfig):
    """`beta` weighs the KL to the network before training: in the loss of GRPO and in the rewards of RLOO and PPO (0
    unless told), in the implicit rewards of DPO (.1). `baseline` and `per` are GRPO's (objectives/policy_gradient.py);
    `data`, `loss` and `length_normalised` are DPO's (objectives/preference.py). `front`: weights of the rewards, for a
    policy each (reward_front.py)."""

    start: str
    method: Literal["grpo", "rloo", "ppo", "dpo"] = "grpo"
    task: AlignTask | None = None
    rollouts: RolloutConfig | None = None
    rewards: tuple[RewardTerm, ...] = Field((RewardTerm(),), min_length=1)
    combine: Combine = "sum"
    front: tuple[tuple[float, ...], ...] = ()
    caution: float = Field(1.0, ge=0)
    beta: float | None = Field(None, ge=0)
    clip: float = Field(0.2, gt=0)
    clip_high: float | None = Field(None, gt=0)
    baseline: Literal["grpo", "dr_grpo"] = "grpo"
    per: Literal["token", "reply", "longest"] = "token"
    guard: GuardConfig | None = None
    data: PairConfig | None = None
    loss: Literal["sigmoid", "ipo"] = "sigmoid"
    length_normalised: bool = False
    loop: LoopConfig

    @model_validator(mode="after")
    def _complete(self) -> AlignConfig:
        if self.method != "dpo" and (self.task is None or self.rollouts is None):
            raise ValueError(f"method = {self.method} samples replies: expected the sections [task] and [rollouts]")
        if self.rollouts and self.rollouts.endpoint and not self.adapter:
            raise ValueError(
                "rollouts.endpoint: the server is given an adapter each round: expected a section [adapter]"
            )
        if self.method == "dpo" and (self.data is None or self.guard):
            raise ValueError("method = dpo learns from pairs of replies: expected the section [data], and no [guard]")
        return self

    @property
    def kl_weight(self) -> float:
        return (0.1 if self.method == "dpo" else 0.0) if self.beta is None else self.beta

    @property
    def steps(self) -> int | None:
        """None where the data say it."""
        return self.rollouts.rounds * self.rollouts.epochs if self.rollouts and self.method != "dpo" else None
