"""Proximal policy optimisation: advantages and returns of a critic's values, and the critic's own loss.

The policy's loss is ``clipped_policy_loss`` with the mean ``token`` and no KL term: the KL is in the rewards
(``shaping.penalised``). Wrong shapes or types of numbers raise ``UsageError``.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor

from reflexa.training.objectives.advantages import gae, whitened
from reflexa.training.objectives.output import LossOutput, check, precise
from reflexa.types import Frozen


class ValueConfig(Frozen):
    """``gamma`` discounts rewards per token; ``lam`` is GAE's λ: 0 trusts the critic alone, 1 the rewards alone.

    ``value_clip`` is how far a value counts beyond what it was at sampling, in units of reward; None: however far.
    """

    gamma: float = Field(default=1.0, gt=0, le=1)
    lam: float = Field(default=0.95, ge=0, le=1)
    value_clip: float | None = Field(default=0.2, gt=0)


@dataclass(frozen=True, kw_only=True)
class Targets:
    """What policy and critic learn from: ``advantages`` [tokens], whitened; ``returns`` [tokens] in units of reward."""

    advantages: Tensor
    returns: Tensor


@dataclass(frozen=True, kw_only=True)
class ValueBatch:
    """``values`` [tokens]: the critic's, with gradient; ``old`` [tokens]: what they were at sampling.

    ``returns`` [tokens]: what they should be. ``mask`` [tokens]: 1.0 where the token is learnt, else 0.0.
    """

    values: Tensor
    old: Tensor
    returns: Tensor
    mask: Tensor


def ppo_targets(rewards: Tensor, values: Tensor, counts: Tensor, config: ValueConfig) -> Targets:
    """Advantages and returns of a step's whole batch, of the policy's own tokens.

    ``rewards``, ``values`` [tokens] completion by completion, ``counts`` [completions]. R̂ = A + V; then A is whitened
    over all tokens (Schulman et al. 2017, arXiv:1707.06347; InstructGPT, arXiv:2203.02155).
    """
    expected = precise(values).detach()
    advantages = gae(rewards, expected, counts, config.gamma, config.lam)
    return Targets(advantages=whitened(advantages, torch.ones_like(advantages)), returns=advantages + expected)


def value_loss(batch: ValueBatch, config: ValueConfig) -> LossOutput:
    """½ max((V − R̂)², (clip(V, V_old ± ε_v) − R̂)²), the mean over learnt tokens.

    The clipped form of OpenAI's implementation of PPO (Engstrom et al. 2020, arXiv:2005.12729, section 3), kept for
    language models. Metrics: ``value``, ``value/return``, ``value/error`` (squared, before clipping) and
    ``value/clip``, the share of tokens whose value is held back.
    """
    check("values", batch.values, (None,), "real")
    shape = tuple(batch.values.shape)
    for name in ("old", "returns", "mask"):
        check(name, getattr(batch, name), shape, "real")
    learnt = batch.mask > 0
    values, old, returns = (
        precise(column).masked_fill(~learnt, 0.0) for column in (batch.values, batch.old, batch.returns)
    )
    error = (values - returns.detach()).square()
    worst = error
    if config.value_clip is not None:
        bounded = torch.clamp(values, old.detach() - config.value_clip, old.detach() + config.value_clip)
        worst = torch.maximum(error, (bounded - returns.detach()).square())
    told = {"value": values, "value/return": returns, "value/error": error, "value/clip": (worst > error).to(error)}
    tokens = learnt.sum().to(error.dtype)
    metrics = {name: _mean(column, tokens).detach() for name, column in told.items()}
    return LossOutput(_mean(worst / 2, tokens), tokens, metrics)


def _mean(column: Tensor, tokens: Tensor) -> Tensor:
    """The mean of [tokens], which is 0 where none is learnt, over those that are."""
    return column.sum() / tokens.clamp(min=1)
