"""Proximal policy optimisation: a critic's advantages of every token, and a KL penalty in the reward."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from reflexa.errors import UsageError
from reflexa.training.algorithms.online_algorithm import CriticOptions, OnlineAlgorithm, token_penalty
from reflexa.training.objectives.ppo import Targets, ppo_targets
from reflexa.training.objectives.shaping import penalised
from reflexa.training.online.experience import Experience


class PPOOptions(CriticOptions):
    """A mean over tokens, and a KL penalty of each token."""

    mean: Literal["completion", "token", "budget"] = "token"
    kl_reward: float = Field(default=0.05, ge=0)


def targets(experience: Experience, options: PPOOptions) -> Targets:
    """Advantages, whitened over all learnt tokens, and returns [tokens]; 0 at tokens that are not learnt.

    A token earns what its step did, less β·k1; what answers earn as a whole stands at the last learnt token.
    """
    if experience.values is None:
        raise UsageError("PPO without a critic's values: expected one value for each token")
    own = experience.mask > 0
    rewards = experience.earned
    if options.kl_reward:
        rewards = penalised(rewards, token_penalty(experience), options.kl_reward)
    owner = torch.repeat_interleave(experience.counts)
    counts = torch.bincount(owner[own], minlength=len(experience.counts))
    found = ppo_targets(rewards[own], experience.values[own], counts[counts > 0], options)
    return Targets(advantages=_placed(found.advantages, own), returns=_placed(found.returns, own))


def advantages(experience: Experience, options: PPOOptions) -> Tensor:
    """Whitened generalised advantage estimates [tokens]."""
    return targets(experience, options).advantages


def returns(experience: Experience, options: PPOOptions) -> Tensor:
    """What the critic should have said [tokens], in units of reward."""
    return targets(experience, options).returns


def _placed(values: Tensor, own: Tensor) -> Tensor:
    placed = values.new_zeros(len(own))
    placed[own] = values
    return placed


PPO = OnlineAlgorithm(
    name="ppo",
    summary="proximal policy optimisation with a critic, and a KL penalty in the reward",
    advantages=advantages,
    options=PPOOptions,
    returns=returns,
)
