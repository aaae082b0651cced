"""What a step's samples were like, in numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from reflexa.training.objectives.divergence import sequence_kl, token_kl
from reflexa.training.online.experience import Experience
from reflexa.training.online.rollouts import Group


def summary(experience: Experience) -> dict[str, float]:
    """Metrics of all samples of a step.

    ``reward`` and ``reward/spread`` (its standard deviation), and the same of each part; ``equal_groups``, the share
    of groups whose rewards are all equal; ``distinct``, the share of different answers within a group; ``length`` in
    tokens; ``finished``, the share of samples that ended by themselves; ``entropy``, −log π of the sampled tokens in
    nats.
    """
    rollouts = [rollout for group in experience.groups for rollout in group.rollouts]
    own = experience.mask > 0
    metrics = {"reward": float(experience.rewards.mean()), "reward/spread": _spread(experience.rewards)}
    names = list(dict.fromkeys(name for rollout in rollouts for name in rollout.rewards))
    if len(names) > 1:
        for name in names:
            values = torch.tensor([rollout.rewards.get(name, 0.0) for rollout in rollouts])
            metrics |= {f"reward/{name}": float(values.mean()), f"reward/{name}/spread": _spread(values)}
    metrics |= {
        "equal_groups": sum(not informative(row) for row in experience.rewards) / len(experience.groups),
        "distinct": _mean(
            [len({one.text for one in group.rollouts}) / len(group.rollouts) for group in experience.groups]
        ),
        "length": _mean([rollout.length for rollout in rollouts]),
        "finished": _mean([rollout.finished for rollout in rollouts]),
        "entropy": -float(experience.old[own].mean()) if own.any() else 0.0,
    }
    return metrics


def divergence(logprobs: Tensor, reference: Tensor, experience: Experience) -> dict[str, float]:
    """KL of the policy to the starting model, in nats: ``kl`` a token (k3), ``kl/k1`` a token, and ``kl/sequence`` a
    completion (k1's sum, at least 0: far from the start few samples tell k3 too low).
    """
    own = experience.mask > 0
    if not own.any():
        return {"kl": 0.0, "kl/k1": 0.0, "kl/sequence": 0.0}
    masked = reference.where(own, logprobs)
    each = sequence_kl(logprobs, masked, experience.counts)
    return {
        "kl": float(token_kl(logprobs[own], reference[own], "k3").mean()),
        "kl/k1": float(token_kl(logprobs[own], reference[own], "k1").mean()),
        "kl/sequence": max(float(each.mean()), 0.0),
    }


def informative(rewards: Tensor) -> bool:
    """Whether the rewards [samples] of a prompt differ."""
    return bool(rewards.max() > rewards.min())


def new_tokens(groups: Sequence[Group]) -> int:
    """How many tokens the policy wrote."""
    return sum(rollout.length for group in groups for rollout in group.rollouts)


def _spread(values: Tensor) -> float:
    return float(values.std(correction=0))


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / max(1, len(values))
