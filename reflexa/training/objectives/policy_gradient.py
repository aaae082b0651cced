"""Learning from the policy's own samples: the clipped policy-gradient loss, whose settings make the GRPO family.

π_old is the policy that sampled; ρ = π/π_old of a token; A its advantage. Wrong shapes or types of numbers, and a
missing reference, raise ``UsageError``.

| algorithm | advantages | ``level`` | ``mean`` | clip low, high | ``kl`` |
| --- | --- | --- | --- | --- | --- |
| GRPO (arXiv:2402.03300, eq. 3) | ``grpo`` | token | completion | 0.2, 0.2 | 0.04 with k3 |
| Dr.GRPO (arXiv:2503.20783) | ``dr-grpo`` | token | budget | 0.2, 0.2 | 0 |
| DAPO (arXiv:2503.14476, eq. 8) | ``grpo`` | token | token | 0.2, 0.28 | 0 |
| GSPO (arXiv:2507.18071, eq. 5) | ``grpo`` | sequence | completion | 3e-4, 4e-4 | 0 |
| RLOO (arXiv:2402.14740) | ``rloo`` | product | completion | 0.2, 0.2 | 0, in the reward |
| REINFORCE++ (arXiv:2501.03262) | whitened sums of rewards | token | token | 0.2, 0.2 | 0, in the reward |
| PPO (arXiv:1707.06347, eq. 7) | whitened GAE | token | token | 0.2, 0.2 | 0, in the reward |
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self, get_args

import torch
from pydantic import Field, model_validator
from torch import Tensor

from reflexa.errors import UsageError
from reflexa.training.objectives.divergence import Estimator, k3, token_kl
from reflexa.training.objectives.output import LossOutput, check, precise
from reflexa.types import Frozen

RATIO_LIMIT = 20.0
"""Bound of |ln ρ|, in nats: beyond it exp would overflow, and the token has no gradient."""


@dataclass(frozen=True, kw_only=True)
class TokenBatch:
    """Tokens of completions, completion by completion.

    ``logprobs`` [tokens]: log π in nats, with gradient. ``old`` [tokens]: log π_old. ``advantages`` [tokens].
    ``mask`` [tokens]: 1.0 where the token is the policy's own and is learnt, else 0.0. ``counts`` [completions]: how
    many tokens each has, learnt or not. ``reference`` [tokens]: log π_ref; None where no KL is wanted.
    """

    logprobs: Tensor
    old: Tensor
    advantages: Tensor
    mask: Tensor
    counts: Tensor
    reference: Tensor | None = None


class ClipConfig(Frozen):
    """ρ counts up to 1 + ``clip_high`` and down to 1 − ``clip_low``. ``kl`` is the coefficient of a KL term.

    ``correct_kl`` weighs each token's KL by its ρ, which makes the gradient that of the KL itself, on-policy too, where
    k3's alone is biased (DeepSeek-V3.2, arXiv:2512.02556).
    ``level``: whose ratio is clipped: each ``token``'s; the ``sequence``'s, the geometric mean of its tokens'; or
    the ``product`` of these, the whole answer's own.
    ``mean``: over what the loss is a mean: ``completion`` (each completion's mean over its tokens, then over
    completions); ``token`` (all learnt tokens alike); ``budget`` (each completion's sum over its tokens, divided by
    ``max_tokens``, then over completions).
    """

    clip_low: float = Field(default=0.2, gt=0, lt=1)
    clip_high: float = Field(default=0.2, gt=0)
    kl: float = Field(default=0.0, ge=0)
    estimator: Estimator = "k3"
    correct_kl: bool = False
    level: Literal["token", "sequence", "product"] = "token"
    mean: Literal["completion", "token", "budget"] = "completion"
    max_tokens: int | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _knows_its_budget(self) -> Self:
        if self.mean == "budget" and self.max_tokens is None:
            raise ValueError(
                "mean 'budget' divides by max_tokens: set it to the most tokens that a completion may have"
            )
        return self


def clipped_policy_loss(batch: TokenBatch, config: ClipConfig) -> LossOutput:
    """−min(ρ A, clip(ρ, 1 − ε_low, 1 + ε_high) A) + β KL of each learnt token, averaged as ``config.mean`` says.

    ``weight`` counts learnt tokens for the mean ``token``, else completions. Metrics are means in the same way (for
    ``budget`` as for ``completion``): ``ratio``; ``clip/low`` and ``clip/high``, the shares held back on either side;
    ``entropy``, estimated by −log π; ``kl/old``, from the policy that sampled to this one (k3); with a reference
    ``kl/k1``, ``kl/k2`` and ``kl/k3``. All in nats per token.
    """
    _check_batch(batch, config)
    learnt = batch.mask > 0
    # What is not learnt may hold anything, infinities too, and must not reach the gradient.
    logprobs = precise(batch.logprobs).masked_fill(~learnt, 0.0)
    old = precise(batch.old).detach().masked_fill(~learnt, 0.0)
    advantages = precise(batch.advantages).detach().masked_fill(~learnt, 0.0)
    tokens = _Tokens(learnt.to(logprobs.dtype), batch.counts)
    ratio = torch.exp(_log_ratios(logprobs - old, tokens, config))
    low, high = 1 - config.clip_low, 1 + config.clip_high
    losses = -torch.minimum(ratio * advantages, ratio.clamp(low, high) * advantages)
    told = {
        "ratio": ratio,
        "clip/low": ((ratio < low) & (advantages < 0)).to(ratio.dtype),
        "clip/high": ((ratio > high) & (advantages > 0)).to(ratio.dtype),
        "entropy": -logprobs,
        "kl/old": k3(old, logprobs),
    }
    if batch.reference is not None:
        reference = precise(batch.reference).masked_fill(~learnt, 0.0)
        divergences = {estimator: token_kl(logprobs, reference, estimator) for estimator in get_args(Estimator)}
        told |= {f"kl/{estimator}": values for estimator, values in divergences.items()}
        divergence = divergences[config.estimator]
        losses = losses + config.kl * (ratio * divergence if config.correct_kl else divergence)
    metrics = {name: tokens.mean(values.detach(), config) for name, values in told.items()}
    if config.mean == "budget":
        loss = tokens.sums(losses).mean() / float(config.max_tokens or 1)
    else:
        loss = tokens.mean(losses, config)
    return LossOutput(loss, tokens.weight(config), metrics)


class _Tokens:
    """Which tokens are learnt, ``mask`` [tokens], and whose they are."""

    def __init__(self, mask: Tensor, counts: Tensor) -> None:
        self._mask, self._completions = mask, len(counts)
        self._owner = torch.repeat_interleave(counts, output_size=len(mask))
        self._learnt = self.sums(torch.ones_like(mask))

    def sums(self, values: Tensor) -> Tensor:
        """The sum over each completion's learnt tokens [completions]."""
        return values.new_zeros(self._completions).index_add(0, self._owner, values * self._mask)

    def means(self, values: Tensor) -> Tensor:
        """The mean over each completion's learnt tokens [completions]; 0 for a completion that has none."""
        return self.sums(values) / self._learnt.clamp(min=1)

    def mean(self, values: Tensor, config: ClipConfig) -> Tensor:
        """The mean over all learnt tokens, or over completions of their means."""
        if config.mean == "token":
            return self.sums(values).sum() / self._learnt.sum().clamp(min=1)
        return self.means(values).mean()

    def weight(self, config: ClipConfig) -> Tensor:
        """How many units the loss is a mean over."""
        return self._learnt.sum() if config.mean == "token" else self._learnt.new_tensor(float(self._completions))

    def shared(self, each: Tensor) -> Tensor:
        """Values of completions [completions] as values of their tokens [tokens]."""
        return each[self._owner]


def _log_ratios(differences: Tensor, tokens: _Tokens, config: ClipConfig) -> Tensor:
    """ln ρ [tokens] at the configured level, of differences of log-probabilities [tokens]."""
    if config.level == "sequence":
        differences = tokens.shared(tokens.means(differences))
    elif config.level == "product":
        differences = tokens.shared(tokens.sums(differences))
    return differences.clamp(-RATIO_LIMIT, RATIO_LIMIT)


def _check_batch(batch: TokenBatch, config: ClipConfig) -> None:
    check("logprobs", batch.logprobs, (None,), "real")
    shape = tuple(batch.logprobs.shape)
    check("old", batch.old, shape, "real")
    check("advantages", batch.advantages, shape, "real")
    check("mask", batch.mask, shape, "real")
    check("counts", batch.counts, (None,), "whole")
    if int(batch.counts.sum()) != shape[0]:
        raise UsageError(f"counts add up to {int(batch.counts.sum())} tokens: expected {shape[0]}, one per logprob")
    if batch.reference is not None:
        check("reference", batch.reference, shape, "real")
    elif config.kl:
        raise UsageError("the batch has no reference log-probabilities: a KL term needs the frozen model's")
