"""Proximal policy optimisation: a critic's advantages of every token, and a KL penalty in the reward."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from reflexa.errors import UsageError
from reflexa.training.algorithms.online_algorithm import CriticOptions, OnlineAlgorithm, token_penalty
from reflexa.training.objectives.advantages import whiten
from reflexa.training.objectives.ppo import Targets, ppo_targets
from reflexa.training.objectives.shaping import at_ends, penalised
from reflexa.training.online.experience import Experience


class PPOOptions(CriticOptions):
    """A mean over tokens, and a KL penalty of each token.

    ``whiten_rewards`` shifts and scales the answers' rewards to mean 0 and standard deviation 1 over the step, before
    the penalty (LLaMA-2, arXiv:2307.09288, section 3.2.3): for reward models, whose scores have no unit.
    """

    mean: Literal["completion", "token", "budget"] = "token"
    kl_reward: float = Field(default=0.05, ge=0)
    whiten_rewards: bool = False


def targets(experience: Experience, options: PPOOptions) -> Targets:
    """Advantages, whitened over all learnt tokens, and returns [tokens]; 0 at tokens that are not learnt.

    A token earns what its step did, less β·k1; what answers earn as a whole stands at the last learnt token.
    """
    if experience.values is None:
        raise UsageError("PPO without a critic's values: expected one value for each token")
    own = experience.mask > 0
    owner = torch.repeat_interleave(experience.counts)
    counts = torch.bincount(owner[own], minlength=len(experience.counts))
    learnt = counts > 0
    if not learnt.any():
        return Targets(advantages=torch.zeros_like(experience.earned), returns=torch.zeros_like(experience.earned))
    rewards = experience.earned[own]
    if options.whiten_rewards:
        totals = experience.rewards.flatten()
        scale = _scale(totals)
        rewards = scale * rewards + at_ends((whiten(totals) - scale * totals)[learnt], counts[learnt])
    if options.kl_reward:
        rewards = penalised(rewards, token_penalty(experience)[own], options.kl_reward)
    found = ppo_targets(rewards, experience.values[own], counts[learnt], options)
    return Targets(advantages=_placed(found.advantages, own), returns=_placed(found.returns, own))


def advantages(experience: Experience, options: PPOOptions) -> Tensor:
    """Whitened generalised advantage estimates [tokens]."""
    return targets(experience, options).advantages


def returns(experience: Experience, options: PPOOptions) -> Tensor:
    """What the critic should have said [tokens], in units of reward."""
    return targets(experience, options).returns


def _scale(rewards: Tensor) -> float:
    """What makes the rewards' standard deviation 1; 0 where they do not differ."""
    spread = float(rewards.std(correction=0))
    return 1 / spread if spread > 0 else 0.0


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
