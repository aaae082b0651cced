"""REINFORCE++: token rewards with a KL penalty, normalised over the whole step's batch instead of groups."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from torch import Tensor

from reflexa.training.algorithms.online_algorithm import OnlineAlgorithm, OnlineOptions, token_penalty
from reflexa.training.objectives.advantages import gae, whitened
from reflexa.training.objectives.shaping import at_ends, penalised
from reflexa.training.online.experience import Experience


class ReinforceOptions(OnlineOptions):
    """A mean over tokens, and a KL penalty of each token."""

    mean: Literal["completion", "token", "budget"] = "token"
    kl_reward: float = Field(default=0.01, ge=0)


def advantages(experience: Experience, options: ReinforceOptions) -> Tensor:
    """Σ of the rewards to come, less β·k1 of each token, whitened over all learnt tokens [tokens]."""
    rewards = at_ends(experience.rewards.reshape(-1), experience.counts)
    if options.kl_reward:
        rewards = penalised(rewards, token_penalty(experience), options.kl_reward)
    to_come = gae(rewards, rewards.new_zeros(rewards.shape), experience.counts, gamma=1.0, lam=1.0)
    return whitened(to_come, experience.mask)


REINFORCE_PP = OnlineAlgorithm(
    name="reinforce++",
    summary="REINFORCE with token rewards normalised over the batch, and a KL penalty in them",
    advantages=advantages,
    options=ReinforceOptions,
)
