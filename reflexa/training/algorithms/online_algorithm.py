"""What an online algorithm is: a table entry.

To add one, write a module beside this one with an ``OnlineAlgorithm`` in it and name it in
``reflexa.training.algorithms``:

- ``options``: its settings, whose fields are what ``OnlineConfig.options`` may hold: ``OnlineOptions`` with other
  defaults, or a subclass with more fields.
- ``advantages(experience, options)``: the advantage of every token [tokens] of a step's samples, in every process.
- ``loss(batch, options)``: the objective of a micro-batch; micro-batches combine by ``weight``.
- ``returns(experience, options)``: what a critic should have said before every token [tokens]; algorithms that have it
  get a critic (``options`` are ``CriticOptions`` then), and ``experience.values`` are its own.
- ``roller(plain, options)``: for algorithms whose samples are more than one answer to a prompt: what samples them,
  made of the plain roller.
- ``recomputes``: whether the sampling policy's log-probabilities always come from a training pass: where a ratio is
  clipped so near 1 that the sampler's rounding would be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from pydantic import Field
from torch import Tensor

from reflexa.errors import UsageError
from reflexa.training.config import LoraConfig
from reflexa.training.objectives.advantages import GroupKind, group_advantages
from reflexa.training.objectives.divergence import k1
from reflexa.training.objectives.output import LossOutput
from reflexa.training.objectives.policy_gradient import ClipConfig, TokenBatch, clipped_policy_loss
from reflexa.training.objectives.ppo import ValueConfig
from reflexa.training.online.experience import Experience

if TYPE_CHECKING:
    from reflexa.training.online.sampling import Roller


class OnlineOptions(ClipConfig):
    """Settings of the GRPO family. ``max_tokens`` is the run's ``max_new_tokens`` unless given.

    ``weights`` are those of the reward's parts by name (1 for those that are not named). ``overlong`` adds the part
    ``overlong``: a penalty that falls to −1 within so many of the last tokens. ``format`` adds the part ``format``: 1
    where the regular expression matches the whole answer, else 0. ``kl_reward`` is the coefficient of a KL penalty
    (k1) within the reward; with ``kl_target`` only its first value, which is then led to where the KL of a completion
    is the target, in nats. ``refills`` is how often groups whose rewards are all equal are replaced by new prompts' in
    a step.
    """

    weights: dict[str, float] = Field(default_factory=dict)
    overlong: int = Field(default=0, ge=0)
    format: str | None = None
    kl_reward: float = Field(default=0.0, ge=0)
    kl_target: float | None = Field(default=None, gt=0)
    refills: int = Field(default=0, ge=0)


class CriticOptions(OnlineOptions, ValueConfig):
    """Settings of algorithms with a critic. ``critic`` is what it begins with: a reward model's folder, or None for the
    run's own starting model. It learns as adapters where ``critic_lora`` or the run's ``lora`` says so, which takes a
    fraction of the memory. ``critic_learning_rate`` is None for the policy's.
    """

    critic: str | None = None
    critic_lora: LoraConfig | None = None
    critic_learning_rate: float | None = Field(default=None, gt=0)


@dataclass(frozen=True)
class OnlineAlgorithm:
    """One way to learn from one's own samples. ``options`` are checked against their type before they are used."""

    name: str
    summary: str
    advantages: Callable[[Experience, Any], Tensor]
    options: type[OnlineOptions] = OnlineOptions
    loss: Callable[[TokenBatch, Any], LossOutput] = clipped_policy_loss
    returns: Callable[[Experience, Any], Tensor] | None = None
    roller: Callable[[Roller, Any], Roller] | None = None
    recomputes: bool = False


def within_groups(kind: GroupKind) -> Callable[[Experience, OnlineOptions], Tensor]:
    """Advantages [tokens] over the other samples of the prompt, the same for all tokens of a sample.

    A KL penalty in the reward is that of the whole completion.
    """

    def advantages(experience: Experience, options: OnlineOptions) -> Tensor:
        rewards = experience.rewards
        if options.kl_reward:
            owner = torch.repeat_interleave(experience.counts)
            sums = torch.zeros(len(experience.counts)).index_add(0, owner, token_penalty(experience))
            rewards = rewards - options.kl_reward * sums.view_as(rewards)
        return torch.repeat_interleave(group_advantages(rewards, kind).reshape(-1), experience.counts)

    return advantages


def token_penalty(experience: Experience) -> Tensor:
    """KL to the starting model [tokens] in nats (k1) of the tokens that are learnt, 0 elsewhere."""
    if experience.reference is None:
        raise UsageError("a KL penalty without a reference: expected log-probabilities of the starting model")
    return k1(experience.old, experience.reference) * experience.mask
