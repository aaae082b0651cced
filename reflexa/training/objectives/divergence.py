"""How far a policy is from a reference: estimates from sampled tokens, and a coefficient that holds a target.

y is sampled from the policy π; r = π_ref/π of a token. Schulman, "Approximating KL divergence" (2020): each estimator
below has mean KL(π‖π_ref) (k2 only near 0). As a penalty in the reward k1 is right; as a term of a loss it has no
gradient on average, and k2's gradient is that of k1 in the reward, where k3's is biased but varies less. Wrong
shapes or types of numbers raise ``UsageError``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from reflexa.training.objectives.output import check, precise

Estimator = Literal["k1", "k2", "k3"]
LOWEST, HIGHEST = -20.0, 10.0
"""Bounds of ln r, in nats, beyond which a token has no gradient: π meets r > exp(10) less than once in 20,000 tokens
(by Markov's inequality), and one such token would outweigh its whole batch in k3.
"""


def log_ratio(logprobs: Tensor, reference: Tensor) -> Tensor:
    """ln r = log π_ref − log π of each token, bounded; ``logprobs`` and ``reference`` [tokens] in nats.

    The reference has no gradient.
    """
    check("logprobs", logprobs, (None,), "real")
    check("reference", reference, tuple(logprobs.shape), "real")
    return (precise(reference).detach() - precise(logprobs)).clamp(LOWEST, HIGHEST)


def k1(logprobs: Tensor, reference: Tensor) -> Tensor:
    """−ln r [tokens] in nats: unbiased, of either sign."""
    return -log_ratio(logprobs, reference)


def k2(logprobs: Tensor, reference: Tensor) -> Tensor:
    """½ ln² r [tokens] in nats."""
    return log_ratio(logprobs, reference).square() / 2


def k3(logprobs: Tensor, reference: Tensor) -> Tensor:
    """r − 1 − ln r [tokens] in nats: unbiased, and never negative."""
    ratio = log_ratio(logprobs, reference)
    # exp(x) − 1 loses all digits where x is small, which is where policies are near their reference.
    return torch.expm1(ratio) - ratio


_ESTIMATORS: Mapping[Estimator, Callable[[Tensor, Tensor], Tensor]] = {"k1": k1, "k2": k2, "k3": k3}


def token_kl(logprobs: Tensor, reference: Tensor, estimator: Estimator) -> Tensor:
    """The named estimate of each token [tokens], in nats."""
    return _ESTIMATORS[estimator](logprobs, reference)


def sequence_kl(logprobs: Tensor, reference: Tensor, counts: Tensor, estimator: Estimator = "k1") -> Tensor:
    """Estimates of whole completions [completions] in nats: the sums of their tokens'.

    ``counts`` [completions]: how many tokens each has; the tokens lie completion by completion. With k1 the mean over
    completions sampled from π is KL(π‖π_ref), the chain rule's sum.
    """
    check("counts", counts, (None,), "whole")
    each = token_kl(logprobs, reference, estimator)
    owner = torch.repeat_interleave(counts, output_size=len(each))
    return each.new_zeros(len(counts)).index_add(0, owner, each)


@dataclass(frozen=True)
class AdaptiveKL:
    """A penalty's coefficient ``beta`` that is led to where the KL is ``target`` (both in nats per completion)."""

    beta: float
    target: float

    def after(self, kl: float) -> AdaptiveKL:
        """The controller after a step with that KL: β ← β (1 + 0.1 clip(KL/KL* − 1, ±0.2)).

        Ziegler et al. 2019 (arXiv:1909.08593, section 2.2).
        """
        error = min(max(kl / self.target - 1.0, -0.2), 0.2)
        return replace(self, beta=self.beta * (1.0 + 0.1 * error))
