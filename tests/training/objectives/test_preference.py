"""The preference objectives against numbers worked by hand, numpy, and their gradients' finite differences."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor

from reflexa.errors import UsageError
from reflexa.training.objectives.output import LossOutput
from reflexa.training.objectives.preference import (
    DPOConfig,
    IPOConfig,
    ORPOConfig,
    PairBatch,
    SimPOConfig,
    dpo,
    ipo,
    orpo,
    simpo,
)
from tests.training.objectives.support import (
    PRECISIONS,
    Array,
    as_array,
    counts,
    log_likelihoods,
    log_sigmoid,
    vector,
)

Objective = Callable[[PairBatch], LossOutput]
Oracle = Callable[[PairBatch], Array]
EPSILON = 0.2


def delta(batch: PairBatch) -> Array:
    chosen = as_array(batch.chosen) - as_array(batch.reference_chosen)
    return chosen - as_array(batch.rejected) + as_array(batch.reference_rejected)


def numpy_ipo(batch: PairBatch) -> Array:
    chosen = (as_array(batch.chosen) - as_array(batch.reference_chosen)) / as_array(batch.chosen_tokens)
    rejected = (as_array(batch.rejected) - as_array(batch.reference_rejected)) / as_array(batch.rejected_tokens)
    return (chosen - rejected - 1 / (2 * 0.3)) ** 2


def numpy_orpo(batch: PairBatch) -> Array:
    chosen = np.exp(as_array(batch.chosen) / as_array(batch.chosen_tokens))
    rejected = np.exp(as_array(batch.rejected) / as_array(batch.rejected_tokens))
    odds_ratio = (chosen / (1 - chosen)) / (rejected / (1 - rejected))
    return -np.log(chosen) - 0.4 * log_sigmoid(np.log(odds_ratio))


def numpy_simpo(batch: PairBatch) -> Array:
    chosen = 2.5 * as_array(batch.chosen) / as_array(batch.chosen_tokens)
    rejected = 2.5 * as_array(batch.rejected) / as_array(batch.rejected_tokens)
    return -log_sigmoid(chosen - rejected - 0.7)


def numpy_cdpo(batch: PairBatch) -> Array:
    logits = 0.2 * delta(batch)
    return -(1 - EPSILON) * log_sigmoid(logits) - EPSILON * log_sigmoid(-logits)


def numpy_robust(batch: PairBatch) -> Array:
    logits = 0.2 * delta(batch)
    return (-(1 - EPSILON) * log_sigmoid(logits) + EPSILON * log_sigmoid(-logits)) / (1 - 2 * EPSILON)


OBJECTIVES: dict[str, tuple[Objective, Oracle]] = {
    "dpo": (lambda batch: dpo(batch, DPOConfig(beta=0.2)), lambda batch: -log_sigmoid(0.2 * delta(batch))),
    "cdpo": (lambda batch: dpo(batch, DPOConfig(beta=0.2, label_smoothing=EPSILON)), numpy_cdpo),
    "robust": (lambda batch: dpo(batch, DPOConfig(beta=0.2, label_smoothing=EPSILON, robust=True)), numpy_robust),
    "ipo": (lambda batch: ipo(batch, IPOConfig(tau=0.3)), numpy_ipo),
    "orpo": (lambda batch: orpo(batch, ORPOConfig(weight=0.4)), numpy_orpo),
    "simpo": (lambda batch: simpo(batch, SimPOConfig(beta=2.5, gamma=0.7)), numpy_simpo),
}
EACH = pytest.mark.parametrize("name", OBJECTIVES)


def draw(seed: int, pairs: int, dtype: torch.dtype) -> PairBatch:
    """Random pairs whose reference is within some nats of the policy."""
    random = np.random.default_rng(seed)
    chosen_tokens, rejected_tokens = (torch.tensor(random.integers(1, 60, pairs)) for _ in range(2))
    chosen, rejected = (log_likelihoods(random, tokens, dtype) for tokens in (chosen_tokens, rejected_tokens))
    return PairBatch(
        chosen=chosen,
        rejected=rejected,
        chosen_tokens=chosen_tokens,
        rejected_tokens=rejected_tokens,
        reference_chosen=chosen + torch.tensor(random.normal(0, 4, pairs), dtype=dtype),
        reference_rejected=rejected + torch.tensor(random.normal(0, 4, pairs), dtype=dtype),
    )


PAIR = PairBatch(
    chosen=vector(-10.0),
    rejected=vector(-16.0),
    chosen_tokens=counts(5),
    rejected_tokens=counts(4),
    reference_chosen=vector(-12.0),
    reference_rejected=vector(-15.0),
)
"""Δ(w) = 2, Δ(l) = −1, δ = 3; per token 0.4 and −0.25, 0.65; mean log-probabilities −2 and −4."""


def softplus(x: float) -> float:
    """−log σ(−x), the hand's way."""
    return math.log(1 + math.exp(x))


def test_dpo_by_hand() -> None:
    output = dpo(PAIR, DPOConfig(beta=0.5))
    assert output.loss.item() == pytest.approx(softplus(-1.5))  # 0.2014
    assert output.loss.item() == pytest.approx(0.2014133, abs=1e-7)
    metrics = {name: value.item() for name, value in output.metrics.items()}
    assert metrics == {
        "rewards/chosen": 1.0,
        "rewards/rejected": -0.5,
        "rewards/margin": 1.5,
        "rewards/accuracy": 1.0,
        "logps/chosen": -10.0,
        "logps/rejected": -16.0,
    }


def test_cdpo_by_hand() -> None:
    output = dpo(PAIR, DPOConfig(beta=0.5, label_smoothing=0.1))
    assert output.loss.item() == pytest.approx(0.9 * softplus(-1.5) + 0.1 * softplus(1.5))  # 0.3514
    assert output.loss.item() == pytest.approx(0.3514133, abs=1e-7)


def test_robust_dpo_by_hand() -> None:
    output = dpo(PAIR, DPOConfig(beta=0.5, label_smoothing=0.1, robust=True))
    assert output.loss.item() == pytest.approx((0.9 * softplus(-1.5) - 0.1 * softplus(1.5)) / 0.8)
    assert output.loss.item() == pytest.approx(0.0139133, abs=1e-7)


def test_robust_dpo_is_unbiased_under_flips() -> None:
    flipped = replace(
        PAIR,
        chosen=PAIR.rejected,
        rejected=PAIR.chosen,
        reference_chosen=PAIR.reference_rejected,
        reference_rejected=PAIR.reference_chosen,
    )
    robust = DPOConfig(beta=0.5, label_smoothing=0.3, robust=True)
    expected = 0.7 * dpo(PAIR, robust).loss + 0.3 * dpo(flipped, robust).loss
    torch.testing.assert_close(expected, dpo(PAIR, DPOConfig(beta=0.5)).loss)


def test_ipo_by_hand() -> None:
    output = ipo(PAIR, IPOConfig(tau=0.5))
    assert output.loss.item() == pytest.approx((0.65 - 1.0) ** 2)  # 0.1225
    assert output.metrics["rewards/margin"].item() == pytest.approx(0.5 * 0.65)


def test_orpo_by_hand() -> None:
    odds = [math.exp(mean) / (1 - math.exp(mean)) for mean in (-2.0, -4.0)]
    output = orpo(PAIR, ORPOConfig(weight=0.5))
    assert output.loss.item() == pytest.approx(2.0 + 0.5 * math.log(1 + odds[1] / odds[0]))
    assert output.loss.item() == pytest.approx(2.0563084, abs=1e-7)
    assert output.metrics["nll"].item() == 2.0
    assert output.metrics["log_odds_ratio"].item() == pytest.approx(math.log(odds[0] / odds[1]))


def test_simpo_by_hand() -> None:
    output = simpo(PAIR, SimPOConfig(beta=2.0, gamma=1.0))
    assert output.loss.item() == pytest.approx(softplus(-(2.0 * (-2.0 + 4.0) - 1.0)))  # β·2 − γ = 3
    assert output.loss.item() == pytest.approx(0.0485874, abs=1e-7)


def test_an_even_pair_teaches_log_2() -> None:
    even = replace(PAIR, reference_chosen=PAIR.chosen, reference_rejected=PAIR.rejected)
    output = dpo(even, DPOConfig())
    assert output.loss.item() == pytest.approx(math.log(2))
    assert output.metrics["rewards/accuracy"].item() == 0.0


@EACH
@PRECISIONS
@given(seed=st.integers(0, 2**32 - 1), pairs=st.integers(1, 9))
@settings(max_examples=30, deadline=None)
def test_agrees_with_numpy(name: str, dtype: torch.dtype, tolerance: float, seed: int, pairs: int) -> None:
    objective, oracle = OBJECTIVES[name]
    batch = draw(seed, pairs, dtype)
    output = objective(batch)
    losses = oracle(batch)
    scale = float(np.abs(losses).mean())  # the robust loss may cross 0, where a share of it would mean nothing
    assert output.loss.item() == pytest.approx(float(losses.mean()), rel=tolerance, abs=tolerance * scale)
    assert output.weight.item() == pairs


@EACH
def test_gradients_agree_with_finite_differences(name: str) -> None:
    objective, _ = OBJECTIVES[name]
    batch = draw(7, 4, torch.float64)

    def loss(chosen: Tensor, rejected: Tensor) -> Tensor:
        return objective(replace(batch, chosen=chosen, rejected=rejected)).loss

    sides = batch.chosen.clone().requires_grad_(), batch.rejected.clone().requires_grad_()
    assert torch.autograd.gradcheck(loss, sides)


@EACH
@pytest.mark.parametrize("certain", [0.0, -1e-9, -1e4], ids=["certain", "nearly certain", "hopeless"])
def test_extremes_stay_finite(name: str, certain: float) -> None:
    objective, _ = OBJECTIVES[name]
    chosen = torch.full((2,), certain, requires_grad=True)
    rejected = torch.tensor([-8.0, certain], requires_grad=True)
    output = objective(replace(draw(7, 2, torch.float32), chosen=chosen, rejected=rejected))
    gradients = torch.autograd.grad(output.loss, (chosen, rejected))
    assert all(torch.isfinite(value).all() for value in (output.loss, *gradients))


@EACH
def test_the_reference_gets_no_gradient(name: str) -> None:
    objective, _ = OBJECTIVES[name]
    batch = draw(7, 3, torch.float64)
    sides = [side for side in (batch.reference_chosen, batch.reference_rejected) if side is not None]
    inputs = [side.requires_grad_() for side in (batch.chosen, *sides)]
    policy, *reference = torch.autograd.grad(objective(batch).loss, inputs, allow_unused=True)
    assert policy is not None
    assert reference == [None, None]


@pytest.mark.parametrize("name", ["dpo", "ipo"])
def test_a_missing_reference_is_refused(name: str) -> None:
    objective, _ = OBJECTIVES[name]
    with pytest.raises(UsageError, match="no reference log-probabilities: compute both sides' with the frozen model"):
        objective(replace(PAIR, reference_rejected=None))


@pytest.mark.parametrize("name", ["orpo", "simpo"])
def test_no_reference_is_needed(name: str) -> None:
    objective, _ = OBJECTIVES[name]
    bare = replace(PAIR, reference_chosen=None, reference_rejected=None)
    torch.testing.assert_close(objective(bare).loss, objective(PAIR).loss)


@EACH
@pytest.mark.parametrize("field", ["rejected", "chosen_tokens", "rejected_tokens"])
def test_lengths_that_differ_are_refused(name: str, field: str) -> None:
    objective, _ = OBJECTIVES[name]
    longer = torch.cat([getattr(PAIR, field)] * 2)
    with pytest.raises(UsageError, match=rf"^{field} has the shape \[2\]: expected \[1\]"):
        objective(replace(PAIR, **{field: longer}))


@pytest.mark.parametrize("epsilon", [-0.1, 0.5, 0.9])
def test_a_flip_rate_must_be_under_a_half(epsilon: float) -> None:
    with pytest.raises(ValidationError, match="label_smoothing"):
        DPOConfig(label_smoothing=epsilon)


def test_a_soft_label_is_the_cross_entropy_of_its_probability() -> None:
    batch = replace(
        PairBatch(
            chosen=vector(-1.0, -2.0),
            rejected=vector(-3.0, -1.0),
            chosen_tokens=counts(2, 2),
            rejected_tokens=counts(2, 2),
            reference_chosen=vector(-1.0, -1.0),
            reference_rejected=vector(-1.0, -1.0),
        ),
        probability=vector(0.9, 0.6),
    )
    # beta times delta is 0.1 * (0 + 2) = 0.2 and 0.1 * (-1 - 0) = -0.1
    logits, sure = np.array([0.2, -0.1]), np.array([0.9, 0.6])
    expected = np.mean(-sure * log_sigmoid(logits) - (1 - sure) * log_sigmoid(-logits))
    assert float(dpo(batch, DPOConfig(beta=0.1)).loss) == pytest.approx(expected, rel=1e-6)
    flipped = 0.8 * sure + 0.2 * (1 - sure)
    conservative = np.mean(-flipped * log_sigmoid(logits) - (1 - flipped) * log_sigmoid(-logits))
    smoothed = dpo(batch, DPOConfig(beta=0.1, label_smoothing=0.2))
    assert float(smoothed.loss) == pytest.approx(conservative, rel=1e-6)
    with pytest.raises(UsageError, match="soft labels"):
        dpo(batch, DPOConfig(label_smoothing=0.2, robust=True))
