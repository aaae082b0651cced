"""Reward losses against numbers worked by hand, numpy, and their gradients' finite differences."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from reflexa.errors import UsageError
from reflexa.rows import PreferenceRow, Strength
from reflexa.training.objectives.reward import (
    MarginRule,
    RewardConfig,
    ScoredOutcomes,
    ScoredPairs,
    ScoredRankings,
    bradley_terry,
    k_wise,
    margin_of,
    outcome,
)
from tests.training.objectives.support import PRECISIONS, Array, as_array, counts, log_sigmoid, sigmoid, vector

SIZES = st.integers(1, 9)
SEEDS = st.integers(0, 2**32 - 1)


def row(margin: float | None = None, strength: Strength | None = None) -> PreferenceRow:
    return PreferenceRow(prompt="p", chosen="c", rejected="r", margin=margin, strength=strength)


@pytest.mark.parametrize(
    ("strength", "small", "large"),
    [
        ("significantly better", 1.0, 3.0),
        ("better", 2 / 3, 2.0),
        ("slightly better", 1 / 3, 1.0),
        ("negligibly better", 0.0, 0.0),
        (None, 0.0, 0.0),
    ],
)
def test_margins_are_those_of_the_paper(strength: Strength | None, small: float, large: float) -> None:
    labelled = row(margin=0.9, strength=strength)
    assert (margin_of(labelled, "small"), margin_of(labelled, "large")) == (small, large)
    assert (margin_of(labelled, "none"), margin_of(labelled, "score")) == (0.0, 0.9)


@pytest.mark.parametrize("rule", ["none", "small", "large", "score"])
def test_a_bare_pair_has_no_margin(rule: MarginRule) -> None:
    assert margin_of(row(), rule) == 0.0


def test_bradley_terry_by_hand() -> None:
    pairs = ScoredPairs(chosen=vector(2.0, 0.0), rejected=vector(1.0, 3.0))
    output = bradley_terry(pairs, RewardConfig())
    assert output.loss.item() == pytest.approx((math.log(1 + math.exp(-1)) + math.log(1 + math.exp(3))) / 2)
    assert output.loss.item() == pytest.approx(1.6809245, abs=1e-7)
    assert {name: value.item() for name, value in output.metrics.items()} == {
        "rewards/chosen": 1.0,
        "rewards/rejected": 2.0,
        "rewards/margin": -1.0,
        "rewards/accuracy": 0.5,
    }


def test_a_margin_asks_for_a_longer_lead_and_centring_for_a_sum_near_0() -> None:
    pairs = ScoredPairs(chosen=vector(2.0), rejected=vector(1.0), margin=vector(1.0))
    assert bradley_terry(pairs, RewardConfig()).loss.item() == pytest.approx(math.log(2))
    assert bradley_terry(pairs, RewardConfig(centring=0.01)).loss.item() == pytest.approx(math.log(2) + 0.09)


@PRECISIONS
@given(seed=SEEDS, size=SIZES)
@settings(max_examples=30, deadline=None)
def test_bradley_terry_agrees_with_numpy(dtype: torch.dtype, tolerance: float, seed: int, size: int) -> None:
    random = np.random.default_rng(seed)
    chosen, rejected = (torch.tensor(random.normal(0, 3, size), dtype=dtype) for _ in range(2))
    margin = torch.tensor(random.uniform(0, 3, size), dtype=dtype)
    output = bradley_terry(ScoredPairs(chosen=chosen, rejected=rejected, margin=margin), RewardConfig(centring=0.02))
    best, worst = as_array(chosen), as_array(rejected)
    expected = np.mean(-log_sigmoid(best - worst - as_array(margin)) + 0.02 * (best + worst) ** 2)
    assert output.loss.item() == pytest.approx(float(expected), rel=tolerance)


def numpy_k_wise(rewards: Array, answers: list[int], centring: float) -> float:
    """Every pair of every prompt, one by one."""
    prompts = []
    for scores, real in zip(rewards, answers, strict=True):
        pairs = list(combinations(scores[:real], 2))
        prompts.append(np.mean([-log_sigmoid(np.asarray(a - b)) + centring * (a + b) ** 2 for a, b in pairs]))
    return float(np.mean(prompts))


def test_rankings_by_hand() -> None:
    # one prompt of three (leads 1, 3, 2) and one of two (lead −1): each prompt counts once
    ranked = ScoredRankings(rewards=torch.tensor([[3.0, 2.0, 0.0], [0.0, 1.0, math.nan]]), answers=counts(3, 2))
    output = k_wise(ranked, RewardConfig())
    first = sum(math.log(1 + math.exp(-lead)) for lead in (1, 3, 2)) / 3
    assert output.loss.item() == pytest.approx((first + math.log(1 + math.e)) / 2)
    assert output.weight.item() == 2.0
    assert {name: value.item() for name, value in output.metrics.items()} == pytest.approx(
        {"rewards/chosen": 1.5, "rewards/rejected": 0.5, "rewards/margin": 0.5, "rewards/accuracy": 0.5}
    )


def test_two_answers_are_a_pair() -> None:
    config = RewardConfig(centring=0.01)
    margin = torch.tensor([0.5, 1.0])
    ranked = ScoredRankings(rewards=torch.tensor([[2.0, 1.0], [0.0, 3.0]]), answers=counts(2, 2), margin=margin)
    pairs = ScoredPairs(chosen=torch.tensor([2.0, 0.0]), rejected=torch.tensor([1.0, 3.0]), margin=margin)
    first, second = k_wise(ranked, config), bradley_terry(pairs, config)
    torch.testing.assert_close(first.loss, second.loss)
    assert first.metrics == second.metrics


@PRECISIONS
@given(seed=SEEDS, size=SIZES, most=st.integers(2, 6))
@settings(max_examples=30, deadline=None)
def test_rankings_agree_with_numpy(dtype: torch.dtype, tolerance: float, seed: int, size: int, most: int) -> None:
    random = np.random.default_rng(seed)
    rewards = torch.tensor(random.normal(0, 3, (size, most)), dtype=dtype)
    answers = random.integers(2, most + 1, size)
    output = k_wise(ScoredRankings(rewards=rewards, answers=torch.tensor(answers)), RewardConfig(centring=0.02))
    expected = numpy_k_wise(as_array(rewards), answers.tolist(), 0.02)
    assert output.loss.item() == pytest.approx(expected, rel=tolerance)


def test_an_outcome_by_hand() -> None:
    output = outcome(ScoredOutcomes(logits=vector(2.0, 1.0, -1.0, 0.5), labels=vector(1.0, 0.0, 0.0, 1.0)))
    by_hand = [math.log(1 + math.exp(x)) for x in (-2.0, 1.0, -1.0, -0.5)]
    assert output.loss.item() == pytest.approx(sum(by_hand) / 4)
    assert output.metrics["accuracy"].item() == 0.75
    assert output.metrics["positive"].item() == 0.75


@PRECISIONS
@given(seed=SEEDS, size=SIZES)
@settings(max_examples=30, deadline=None)
def test_outcomes_agree_with_numpy(dtype: torch.dtype, tolerance: float, seed: int, size: int) -> None:
    random = np.random.default_rng(seed)
    logits = torch.tensor(random.normal(0, 3, size), dtype=dtype)
    labels = torch.tensor(random.random(size), dtype=dtype)
    right, truth = sigmoid(as_array(logits)), as_array(labels)
    expected = -np.mean(truth * np.log(right) + (1 - truth) * np.log(1 - right))
    assert outcome(ScoredOutcomes(logits=logits, labels=labels)).loss.item() == pytest.approx(expected, rel=tolerance)


def test_gradients_agree_with_finite_differences() -> None:
    random = np.random.default_rng(5)
    chosen, rejected, margin = (torch.tensor(random.normal(0, 2, 4), requires_grad=True) for _ in range(3))
    rewards = torch.tensor(random.normal(0, 2, (3, 4)), requires_grad=True)
    config = RewardConfig(centring=0.05)

    def pairs(best: Tensor, worst: Tensor) -> Tensor:
        return bradley_terry(ScoredPairs(chosen=best, rejected=worst, margin=margin), config).loss

    def ranked(scores: Tensor) -> Tensor:
        return k_wise(ScoredRankings(rewards=scores, answers=counts(4, 2, 3)), config).loss

    assert torch.autograd.gradcheck(pairs, (chosen, rejected))
    assert torch.autograd.gradcheck(ranked, rewards)
    (gradient,) = torch.autograd.grad(ranked(rewards), rewards)
    assert gradient[1, 2:].tolist() == [0.0, 0.0]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^rejected has the shape \[1\]"):
        bradley_terry(ScoredPairs(chosen=vector(1.0, 2.0), rejected=vector(1.0)), RewardConfig())
    short = ScoredPairs(chosen=vector(1.0, 2.0), rejected=vector(1.0, 2.0), margin=vector(1.0))
    with pytest.raises(UsageError, match=r"^margin has the shape \[1\]"):
        bradley_terry(short, RewardConfig())
    with pytest.raises(UsageError, match=r"^rewards has the shape \[2\]: expected \[n, n\]"):
        k_wise(ScoredRankings(rewards=vector(1.0, 2.0), answers=counts(2)), RewardConfig())
    with pytest.raises(UsageError, match=r"^labels holds torch\.int64"):
        outcome(ScoredOutcomes(logits=vector(1.0), labels=counts(1)))


def test_a_soft_label_weighs_both_orders() -> None:
    batch = ScoredPairs(chosen=vector(1.0, 0.0), rejected=vector(0.0, 2.0), probability=vector(0.75, 1.0))
    expected = (
        -0.75 * log_sigmoid(np.array(1.0)) - 0.25 * log_sigmoid(np.array(-1.0)) - log_sigmoid(np.array(-2.0))
    ) / 2
    assert float(bradley_terry(batch, RewardConfig()).loss) == pytest.approx(float(expected), rel=1e-6)
