"""Rewards of whole answers made rewards of tokens, and the penalty on answers that are too long."""

from __future__ import annotations

from torch import Tensor

from reflexa.errors import UsageError
from reflexa.training.objectives.output import check, precise


def overlong_penalty(length: int, limit: int, cache: int) -> float:
    """DAPO's soft punishment of long answers (Yu et al. 2025, arXiv:2503.14476, eq. 13), between −1 and 0.

    ``length`` is the answer's number of tokens, ``limit`` (L_max) the most that it may have; within the last
    ``cache`` (L_c) of these the penalty falls from 0 to −1. Raises ``UsageError`` unless 0 < cache <= limit.
    """
    if not 0 < cache <= limit:
        raise UsageError(f"an overlong penalty over the last {cache} of {limit} tokens: expected 1 to {limit} of them")
    return -min(max((length - (limit - cache)) / cache, 0.0), 1.0)


def at_ends(scores: Tensor, counts: Tensor) -> Tensor:
    """Scores of completions [completions] as rewards of tokens [tokens]: each at its completion's last token, 0
    elsewhere.

    ``counts`` [completions]: how many tokens each completion has, at least 1. Raises ``UsageError`` otherwise.
    """
    check("scores", scores, (None,), "real")
    check("counts", counts, tuple(scores.shape), "whole")
    if int(counts.min()) < 1:
        raise UsageError("a completion without tokens cannot be rewarded: expected at least 1 token in each")
    ends = counts.cumsum(0)
    rewards = precise(scores).new_zeros(int(ends[-1]))
    rewards[ends - 1] = precise(scores)
    return rewards


def penalised(rewards: Tensor, kl: Tensor, beta: float) -> Tensor:
    """Rewards [tokens] less β times each token's KL [tokens] (k1, in nats): InstructGPT's reward (Ouyang et al. 2022,
    arXiv:2203.02155, eq. 2), and REINFORCE++'s.
    """
    check("rewards", rewards, (None,), "real")
    check("kl", kl, tuple(rewards.shape), "real")
    return precise(rewards) - beta * precise(kl).detach()
