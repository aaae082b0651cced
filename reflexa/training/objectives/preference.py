"""Learning from pairs: DPO with its conservative and robust forms, IPO, ORPO, SimPO.

Symbols: w is the chosen completion, l the rejected one; log π(y) a sum over completion tokens, in nats;
Δ(y) = log π(y) − log π_ref(y); δ = Δ(w) − Δ(l); σ the logistic function. Losses are means over pairs. Wrong shapes
or types of numbers, and a missing reference, raise ``UsageError``.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import logsigmoid

from reflexa.errors import UsageError
from reflexa.training.objectives.output import LossOutput, averaged, check, precise
from reflexa.types import Frozen


@dataclass(frozen=True, kw_only=True)
class PairBatch:
    """Log-probabilities of pairs.

    ``chosen``, ``rejected`` [pairs]: sums over the completion's tokens, in nats, with gradient.
    ``chosen_tokens``, ``rejected_tokens`` [pairs]: how many tokens were summed, at least 1.
    ``reference_chosen``, ``reference_rejected`` [pairs]: the frozen reference's sums; None for ORPO and SimPO.
    ``probability`` [pairs]: that the chosen one is the better one, a soft label; None where all labels are sure.
    """

    chosen: Tensor
    rejected: Tensor
    chosen_tokens: Tensor
    rejected_tokens: Tensor
    reference_chosen: Tensor | None = None
    reference_rejected: Tensor | None = None
    probability: Tensor | None = None


class DPOConfig(Frozen):
    """``beta`` scales the implicit reward β·Δ; ``label_smoothing`` is ε, the chance that a pair's label is wrong.

    With ε > 0 this is conservative DPO, or with ``robust`` the robust form, unbiased where ε is the true flip rate.
    """

    beta: float = Field(default=0.1, gt=0)
    label_smoothing: float = Field(default=0.0, ge=0, lt=0.5)
    robust: bool = False


class IPOConfig(Frozen):
    """``tau`` is the regularisation: the margin that each pair is drawn to is 1/(2τ)."""

    tau: float = Field(default=0.1, gt=0)


class ORPOConfig(Frozen):
    """``weight`` is the paper's λ, the odds-ratio term's share beside the chosen answer's own loss."""

    weight: float = Field(default=0.1, ge=0)


class SimPOConfig(Frozen):
    """``beta`` scales the mean log-probability; ``gamma`` is the margin by which the chosen one should lead."""

    beta: float = Field(default=2.0, gt=0)
    gamma: float = Field(default=1.0, ge=0)


def dpo(batch: PairBatch, config: DPOConfig) -> LossOutput:
    """Direct preference optimisation, conservative and robust DPO.

    DPO (Rafailov et al. 2023, arXiv:2305.18290, eq. 7): −log σ(βδ).
    Conservative (Mitchell 2023): −(1−ε) log σ(βδ) − ε log σ(−βδ).
    Robust (Chowdhury et al. 2024, arXiv:2403.00409): [−(1−ε) log σ(βδ) + ε log σ(−βδ)] / (1−2ε).
    A soft label p is one that is wrong with probability 1−p: ε is then p's own, (1−ε)(1−p) + εp, in the first two.
    Raises ``UsageError`` for soft labels in the robust form, whose ε is one for all pairs.
    """
    chosen, rejected = _log_ratios(batch)
    epsilon = _flip_probability(batch, config)
    logits = config.beta * (chosen - rejected)
    kept, flipped = -logsigmoid(logits), -logsigmoid(-logits)
    if config.robust:
        losses = ((1 - epsilon) * kept - epsilon * flipped) / (1 - 2 * epsilon)
    else:
        losses = (1 - epsilon) * kept + epsilon * flipped
    return averaged(losses, _reward_metrics(config.beta * chosen, config.beta * rejected) | _likelihoods(batch))


def ipo(batch: PairBatch, config: IPOConfig) -> LossOutput:
    """Identity preference optimisation (Azar et al. 2023, arXiv:2310.12036, eq. 17): (δ − 1/(2τ))².

    Δ is a mean over tokens here, as in the paper's experiments, so that the target does not depend on the length.
    """
    chosen, rejected = _log_ratios(batch)
    chosen, rejected = chosen / batch.chosen_tokens, rejected / batch.rejected_tokens
    losses = (chosen - rejected - 1 / (2 * config.tau)) ** 2
    return averaged(losses, _reward_metrics(config.tau * chosen, config.tau * rejected) | _likelihoods(batch))


def orpo(batch: PairBatch, config: ORPOConfig) -> LossOutput:
    """Odds ratio preference optimisation (Hong et al. 2024, arXiv:2403.07691, eqs. 6 and 7), without a reference.

    NLL(w) − λ log σ(log odds(w) − log odds(l)), odds(p) = p/(1−p), p = exp(mean token log-probability), NLL(w) the
    chosen completion's mean over its tokens.
    """
    chosen, rejected = _means(batch)
    log_odds_ratio = _log_odds(chosen) - _log_odds(rejected)
    losses = -chosen - config.weight * logsigmoid(log_odds_ratio)
    metrics = {"nll": -chosen, "log_odds_ratio": log_odds_ratio}
    return averaged(losses, metrics | _reward_metrics(chosen, rejected) | _likelihoods(batch))


def simpo(batch: PairBatch, config: SimPOConfig) -> LossOutput:
    """Simple preference optimisation (Meng et al. 2024, arXiv:2405.14734, eq. 6), without a reference.

    −log σ((β/|w|) log π(w) − (β/|l|) log π(l) − γ).
    """
    chosen, rejected = _means(batch)
    losses = -logsigmoid(config.beta * (chosen - rejected) - config.gamma)
    return averaged(losses, _reward_metrics(config.beta * chosen, config.beta * rejected) | _likelihoods(batch))


def _check_pairs(batch: PairBatch) -> None:
    check("chosen", batch.chosen, (None,), "real")
    pairs = (batch.chosen.shape[0],)
    check("rejected", batch.rejected, pairs, "real")
    check("chosen_tokens", batch.chosen_tokens, pairs, "whole")
    check("rejected_tokens", batch.rejected_tokens, pairs, "whole")


def _flip_probability(batch: PairBatch, config: DPOConfig) -> float | Tensor:
    """ε, or each pair's own [pairs]."""
    if batch.probability is None:
        return config.label_smoothing
    check("probability", batch.probability, tuple(batch.chosen.shape), "real")
    if config.robust:
        raise UsageError("robust DPO knows one chance of a flip for all pairs: train on pairs without soft labels")
    wrong = 1 - precise(batch.probability).detach()
    return (1 - config.label_smoothing) * wrong + config.label_smoothing * (1 - wrong)


def _log_ratios(batch: PairBatch) -> tuple[Tensor, Tensor]:
    """Δ(w) and Δ(l) [pairs], in nats."""
    _check_pairs(batch)
    if batch.reference_chosen is None or batch.reference_rejected is None:
        raise UsageError("the batch has no reference log-probabilities: compute both sides' with the frozen model")
    check("reference_chosen", batch.reference_chosen, tuple(batch.chosen.shape), "real")
    check("reference_rejected", batch.reference_rejected, tuple(batch.chosen.shape), "real")
    return (
        precise(batch.chosen) - precise(batch.reference_chosen).detach(),
        precise(batch.rejected) - precise(batch.reference_rejected).detach(),
    )


def _means(batch: PairBatch) -> tuple[Tensor, Tensor]:
    """Mean log-probability per token of either side [pairs], in nats."""
    _check_pairs(batch)
    return precise(batch.chosen) / batch.chosen_tokens, precise(batch.rejected) / batch.rejected_tokens


def _log_odds(log_probability: Tensor) -> Tensor:
    """log(p/(1−p)) of log p. A certain answer (log p = 0) counts as nearly certain, to stay finite."""
    certain = -torch.finfo(log_probability.dtype).eps
    bounded = log_probability.clamp(max=certain)
    return bounded - torch.log(-torch.expm1(bounded))


def _reward_metrics(chosen: Tensor, rejected: Tensor) -> dict[str, Tensor]:
    """Implicit rewards [pairs], and how often and by how much the chosen one leads."""
    return {
        "rewards/chosen": chosen,
        "rewards/rejected": rejected,
        "rewards/margin": chosen - rejected,
        "rewards/accuracy": (chosen > rejected).to(chosen.dtype),
    }


def _likelihoods(batch: PairBatch) -> dict[str, Tensor]:
    """Sums of log-probabilities [pairs], in nats: a chosen answer that falls along with the rejected one shows here."""
    return {"logps/chosen": precise(batch.chosen), "logps/rejected": precise(batch.rejected)}
