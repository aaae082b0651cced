"""How much better an answer, or a token of it, was than expected.

Wrong shapes or types of numbers, and groups too small to compare, raise ``UsageError``.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from reflexa.errors import UsageError
from reflexa.training.objectives.output import check, precise

GroupKind = Literal["grpo", "dr-grpo", "rloo"]
SPREAD_FLOOR = 1e-4
"""Added to a group's standard deviation."""


def group_advantages(rewards: Tensor, kind: GroupKind) -> Tensor:
    """Advantages of the answers to one prompt over each other: [prompts, n] of rewards [prompts, n], n at least 2.

    ``grpo`` (Shao et al. 2024, arXiv:2402.03300, section 4.1.2): (R − mean)/(std + 1e-4), std with n − 1.
    ``dr-grpo`` (Liu et al. 2025, arXiv:2503.20783): R − mean.
    ``rloo`` (Ahmadian et al. 2024, arXiv:2402.14740): R − mean of the n − 1 others, which is n/(n−1) of ``dr-grpo``.
    A group whose rewards are all equal teaches nothing: exactly 0, whatever rounding makes of its mean.
    """
    check("rewards", rewards, (None, None), "real")
    size = rewards.shape[1]
    if size < 2:
        raise UsageError("groups of 1 answer have nothing to be compared with: sample at least 2 answers a prompt")
    exact = precise(rewards)
    centred = exact - exact.mean(dim=1, keepdim=True)
    if kind == "grpo":
        advantages = centred / (exact.std(dim=1, keepdim=True) + SPREAD_FLOOR)
    elif kind == "rloo":
        advantages = centred * (size / (size - 1))
    else:
        advantages = centred
    equal = exact.amax(dim=1, keepdim=True) == exact.amin(dim=1, keepdim=True)
    return torch.where(equal, 0.0, advantages)


def whiten(scores: Tensor) -> Tensor:
    """Scores [rows] shifted and scaled to mean 0 and standard deviation 1; all 0 where they do not differ."""
    check("scores", scores, (None,), "real")
    centred = precise(scores) - precise(scores).mean()
    spread = centred.pow(2).mean().sqrt()
    return torch.where(scores.max() == scores.min(), 0.0, centred / spread)


def whitened(values: Tensor, mask: Tensor) -> Tensor:
    """Values [tokens] shifted and scaled to mean 0 and standard deviation 1 over the tokens where ``mask`` [tokens] is
    1; 0 at the others.

    Over a step's whole batch this is REINFORCE++'s normalisation (Hu 2025, arXiv:2501.03262), and PPO's.
    """
    check("values", values, (None,), "real")
    check("mask", mask, tuple(values.shape), "real")
    chosen = mask > 0
    result = torch.zeros_like(precise(values))
    if chosen.any():
        result[chosen] = whiten(values[chosen])
    return result


def gae(rewards: Tensor, values: Tensor, counts: Tensor, gamma: float = 1.0, lam: float = 0.95) -> Tensor:
    """Generalised advantage estimates [tokens] (Schulman et al. 2015, arXiv:1506.02438, eqs. 11 and 16).

    ``rewards``, ``values`` [tokens]: what each of the policy's own tokens earned, and what the critic expected before
    it, completion by completion; ``counts`` [completions]: how many tokens each has. Nothing follows a completion's
    last token: its next value is 0. δ_t = r_t + γ V_{t+1} − V_t; A_t = Σ_l (γλ)^l δ_{t+l}.
    Returns are A + V. With values of 0 and λ = 1 these are the discounted sums of the rewards to come.
    """
    check("rewards", rewards, (None,), "real")
    check("values", values, tuple(rewards.shape), "real")
    check("counts", counts, (None,), "whole")
    rows = torch.arange(int(counts.max()), device=rewards.device)
    real = rows < counts[:, None]
    earned, expected = (_padded(column, real) for column in (rewards, values))
    advantages = torch.zeros_like(earned)
    after, carried = torch.zeros_like(earned[:, 0]), torch.zeros_like(earned[:, 0])
    for place in reversed(range(earned.shape[1])):
        error = earned[:, place] + gamma * after - expected[:, place]
        # Places past a completion's end are 0 throughout, so that what is carried into its last token is 0.
        carried = torch.where(real[:, place], error + gamma * lam * carried, 0.0)
        advantages[:, place], after = carried, expected[:, place]
    return advantages[real]


def _padded(column: Tensor, real: Tensor) -> Tensor:
    """[tokens] as [completions, longest], zeros after each completion's end."""
    padded = precise(column).new_zeros(real.shape)
    padded[real] = precise(column)
    return padded
