"""Learning to score whole answers: Bradley–Terry from pairs and from rankings, and outcome scores.

A reward is the scalar that the model's head gives for a whole answer; r(w) and r(l) are those of the chosen and of the
rejected one. Wrong shapes or types of numbers raise ``UsageError``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

from reflexa.rows import PreferenceRow, Strength
from reflexa.training.objectives.output import LossOutput, averaged, check, precise
from reflexa.types import Frozen

MarginRule = Literal["none", "small", "large", "score"]
"""Where a pair's margin comes from: nowhere, LLaMA-2's small or large table of strengths, or the row's own margin."""
MARGINS: Mapping[Literal["small", "large"], Mapping[Strength, float]] = {
    "small": {"significantly better": 1.0, "better": 2 / 3, "slightly better": 1 / 3, "negligibly better": 0.0},
    "large": {"significantly better": 3.0, "better": 2.0, "slightly better": 1.0, "negligibly better": 0.0},
}
"""LLaMA-2's margins (Touvron et al. 2023, arXiv:2307.09288, table 27)."""


@dataclass(frozen=True, kw_only=True)
class ScoredPairs:
    """``chosen``, ``rejected`` [pairs]: rewards, with gradient. ``margin`` [pairs]: the lead wanted.

    ``probability`` [pairs]: that the chosen one is the better one, a soft label; None where all labels are sure.
    """

    chosen: Tensor
    rejected: Tensor
    margin: Tensor | None = None
    probability: Tensor | None = None


@dataclass(frozen=True, kw_only=True)
class ScoredRankings:
    """``rewards`` [prompts, K]: of each prompt's answers, the best first, with gradient.

    ``answers`` [prompts]: how many of a prompt's K are real, at least 2. ``margin`` [prompts]: the lead wanted of each
    better answer over each worse one.
    """

    rewards: Tensor
    answers: Tensor
    margin: Tensor | None = None


@dataclass(frozen=True, kw_only=True)
class ScoredOutcomes:
    """``logits`` [rows]: of whole answers, with gradient. ``labels`` [rows]: 1 for right, 0 for wrong, or between."""

    logits: Tensor
    labels: Tensor


class RewardConfig(Frozen):
    """``centring`` is c, the pull of a pair's summed reward towards 0 (0.01 is usual, 0 is none)."""

    centring: float = Field(default=0.0, ge=0)


def margin_of(row: PreferenceRow, rule: MarginRule) -> float:
    """The margin that a pair is trained with. A pair without the label or the score that the rule reads has none: 0."""
    if rule == "score":
        return row.margin or 0.0
    if rule == "none" or row.strength is None:
        return 0.0
    return MARGINS[rule][row.strength]


def bradley_terry(batch: ScoredPairs, config: RewardConfig) -> LossOutput:
    """Pairwise ranking loss: −log σ(r(w) − r(l) − m) + c·(r(w) + r(l))².

    m = 0 is InstructGPT's (Ouyang et al. 2022, arXiv:2203.02155, eq. 1), m by strength LLaMA-2's (arXiv:2307.09288,
    eq. 2); centring is Eisenstein et al.'s (2023, arXiv:2312.09244). A soft label p makes the first term the
    cross-entropy −p log σ(lead) − (1−p) log σ(−lead) (Bai et al. 2022, arXiv:2212.08073). The mean over pairs.
    """
    check("chosen", batch.chosen, (None,), "real")
    check("rejected", batch.rejected, tuple(batch.chosen.shape), "real")
    chosen, rejected = precise(batch.chosen), precise(batch.rejected)
    lead = chosen - rejected
    if batch.margin is not None:
        check("margin", batch.margin, tuple(batch.chosen.shape), "real")
        lead = lead - precise(batch.margin).detach()
    losses = -logsigmoid(lead)
    if batch.probability is not None:
        check("probability", batch.probability, tuple(batch.chosen.shape), "real")
        sure = precise(batch.probability).detach()
        losses = sure * losses - (1 - sure) * logsigmoid(-lead)
    if config.centring:
        losses = losses + config.centring * (chosen + rejected) ** 2
    metrics = {
        "rewards/chosen": chosen,
        "rewards/rejected": rejected,
        "rewards/margin": chosen - rejected,
        "rewards/accuracy": (chosen > rejected).to(chosen.dtype),
    }
    return averaged(losses, metrics)


def k_wise(batch: ScoredRankings, config: RewardConfig) -> LossOutput:
    """Rankings of K answers to one prompt: the mean of −log σ(r(better) − r(worse)) over all C(K, 2) pairs.

    Ouyang et al. 2022 (arXiv:2203.02155, eq. 1): a prompt's pairs go together and each prompt counts once, however many
    answers it has. Centring counts each pair as ``bradley_terry`` does. The mean over prompts. Rewards beyond
    ``answers`` are ignored. In the metrics the best answer is the chosen, the worst the rejected one.
    """
    check("rewards", batch.rewards, (None, None), "real")
    prompts, most = batch.rewards.shape
    check("answers", batch.answers, (prompts,), "whole")
    rewards = precise(batch.rewards)
    place = torch.arange(most, device=rewards.device)
    real = place < batch.answers[:, None]
    rewards = rewards.masked_fill(~real, 0.0)
    pairs = (place[:, None] < place[None, :]) & real[:, None, :]
    lead = rewards[:, :, None] - rewards[:, None, :]
    wanted = lead
    if batch.margin is not None:
        check("margin", batch.margin, (prompts,), "real")
        wanted = lead - precise(batch.margin).detach()[:, None, None]
    losses = -logsigmoid(wanted)
    if config.centring:
        losses = losses + config.centring * (rewards[:, :, None] + rewards[:, None, :]) ** 2
    metrics = {
        "rewards/chosen": rewards[:, 0],
        "rewards/rejected": rewards.gather(1, batch.answers[:, None].long() - 1),
        "rewards/margin": _mean_over(pairs, lead),
        "rewards/accuracy": _mean_over(pairs, (lead > 0).to(lead.dtype)),
    }
    return averaged(_mean_over(pairs, losses), metrics)


def outcome(batch: ScoredOutcomes) -> LossOutput:
    """Outcome reward model: binary cross-entropy of the final answer's correctness.

    Cobbe et al. 2021 (arXiv:2110.14168) at the answer's last token. The mean over rows.
    """
    check("logits", batch.logits, (None,), "real")
    check("labels", batch.labels, tuple(batch.logits.shape), "real")
    logits, labels = precise(batch.logits), precise(batch.labels).detach()
    losses = binary_cross_entropy_with_logits(logits, labels, reduction="none")
    right = (logits > 0) == (labels > 0.5)
    return averaged(losses, {"accuracy": right.to(logits.dtype), "positive": (logits > 0).to(logits.dtype)})


def _mean_over(chosen: Tensor, values: Tensor) -> Tensor:
    """[prompts] of [prompts, K, K]: the mean over a prompt's pairs."""
    return (values * chosen).sum(dim=(1, 2)) / chosen.sum(dim=(1, 2))
