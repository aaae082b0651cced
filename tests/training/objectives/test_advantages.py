"""Advantages against numbers worked by hand, numpy, and the sums they are defined by."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reflexa.errors import UsageError
from reflexa.training.objectives.advantages import GroupKind, gae, group_advantages, whiten, whitened
from tests.training.objectives.support import PRECISIONS, Array, as_array, counts, vector

KINDS: tuple[GroupKind, ...] = ("grpo", "dr-grpo", "rloo")


def numpy_groups(rewards: Array, kind: GroupKind) -> Array:
    if kind == "grpo":
        return np.stack([(group - group.mean()) / (group.std(ddof=1) + 1e-4) for group in rewards])
    if kind == "dr-grpo":
        return np.stack([group - group.mean() for group in rewards])
    return np.stack([[own - np.delete(group, i).mean() for i, own in enumerate(group)] for group in rewards])


def numpy_gae(rewards: Array, values: Array, lengths: Array, gamma: float, lam: float) -> Array:
    """The double sum, completion by completion."""
    advantages, start = [], 0
    for length in lengths.astype(int):
        r, v = (column[start : start + length] for column in (rewards, values))
        errors = r + gamma * np.append(v[1:], 0.0) - v
        advantages += [sum((gamma * lam) ** (k - t) * errors[k] for k in range(t, length)) for t in range(length)]
        start += length
    return np.array(advantages)


def test_groups_by_hand() -> None:
    rewards = torch.tensor([[1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 3.0]], dtype=torch.float64)
    assert group_advantages(rewards, "dr-grpo").tolist() == [[0.5, -0.5, -0.5, 0.5], [-0.75, -0.75, -0.75, 2.25]]
    assert group_advantages(rewards, "rloo")[1].tolist() == [-1.0, -1.0, -1.0, 3.0]
    # deviations ±0.5 of four: std = √(1/3); −0.75 thrice and 2.25: std = 1.5
    assert group_advantages(rewards, "grpo")[0, 0].item() == pytest.approx(0.5 / (3**-0.5 + 1e-4))
    assert group_advantages(rewards, "grpo")[1, 3].item() == pytest.approx(2.25 / 1.5001)


@pytest.mark.parametrize("kind", KINDS)
@PRECISIONS
@given(seed=st.integers(0, 2**32 - 1), prompts=st.integers(1, 5), size=st.integers(2, 9))
@settings(max_examples=30, deadline=None)
def test_groups_agree_with_numpy(
    kind: GroupKind, dtype: torch.dtype, tolerance: float, seed: int, prompts: int, size: int
) -> None:
    rewards = torch.tensor(np.random.default_rng(seed).normal(0, 2, (prompts, size)), dtype=dtype)
    # Of two rewards nearly alike in bf16 only the difference's own digits are left, so a share of the spread is meant.
    expected = numpy_groups(as_array(rewards), kind)
    np.testing.assert_allclose(as_array(group_advantages(rewards, kind)), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reward", [0.0, 0.1, 1.0])
def test_equal_rewards_teach_exactly_nothing(kind: GroupKind, reward: float) -> None:
    assert group_advantages(torch.full((2, 7), reward), kind).tolist() == [[0.0] * 7] * 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_group_of_one_is_refused(kind: GroupKind) -> None:
    with pytest.raises(UsageError, match="sample at least 2 answers a prompt"):
        group_advantages(torch.ones(3, 1), kind)


def test_whitening_by_hand() -> None:
    got = whitened(vector(1.0, 99.0, 3.0, 5.0), vector(1.0, 0.0, 1.0, 1.0))
    assert got.tolist() == pytest.approx([-(1.5**0.5), 0.0, 0.0, 1.5**0.5])  # mean 3, variance 8/3


def test_whitening_what_does_not_differ_gives_zeros() -> None:
    assert whitened(vector(2.0, 2.0, 7.0), vector(1.0, 1.0, 0.0)).tolist() == [0.0, 0.0, 0.0]
    assert whitened(vector(2.0, 3.0), vector(0.0, 0.0)).tolist() == [0.0, 0.0]


def test_gae_by_hand() -> None:
    """γ 0.5, λ 0.5. First: δ = (0 + 0.5·4 − 2, 1 − 4) = (0, −3), A = (−0.75, −3). Second: 5 − 1."""
    got = gae(vector(0.0, 1.0, 5.0), vector(2.0, 4.0, 1.0), counts(2, 1), gamma=0.5, lam=0.5)
    assert got.tolist() == [-0.75, -3.0, 4.0]


@PRECISIONS
@given(seed=st.integers(0, 2**32 - 1), lengths=st.lists(st.integers(1, 12), min_size=1, max_size=6))
@settings(max_examples=30, deadline=None)
def test_gae_agrees_with_numpy(dtype: torch.dtype, tolerance: float, seed: int, lengths: list[int]) -> None:
    random = np.random.default_rng(seed)
    rewards, values = (torch.tensor(random.normal(0, 1, sum(lengths)), dtype=dtype) for _ in range(2))
    gamma, lam = random.uniform(0.5, 1.0, 2)
    expected = numpy_gae(as_array(rewards), as_array(values), np.array(lengths), gamma, lam)
    got = as_array(gae(rewards, values, torch.tensor(lengths), gamma, lam))
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


@given(seed=st.integers(0, 2**32 - 1), lengths=st.lists(st.integers(1, 12), min_size=1, max_size=6))
@settings(max_examples=30, deadline=None)
def test_with_lambda_1_the_returns_are_the_rewards_to_come(seed: int, lengths: list[int]) -> None:
    random = np.random.default_rng(seed)
    rewards, values = (torch.tensor(random.normal(0, 1, sum(lengths))) for _ in range(2))
    sums = [part.flip(0).cumsum(0).flip(0) for part in torch.split(rewards, lengths)]
    advantages = gae(rewards, values, torch.tensor(lengths), gamma=1.0, lam=1.0)
    torch.testing.assert_close(advantages + values, torch.cat(sums))
    torch.testing.assert_close(gae(rewards, 0 * values, torch.tensor(lengths), lam=1.0), torch.cat(sums))


def test_with_lambda_0_only_the_next_value_counts() -> None:
    got = gae(vector(0.0, 0.0, 1.0), vector(0.25, 0.5, 0.75), counts(3), lam=0.0)
    assert got.tolist() == [0.25, 0.25, 0.25]


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(UsageError, match=r"^values has the shape \[1\]: expected \[2\]"):
        gae(vector(1.0, 2.0), vector(1.0), counts(2))


def test_whitened_scores_have_mean_0_and_deviation_1() -> None:
    scores = whiten(vector(1.0, 2.0, 6.0))
    np.testing.assert_allclose(scores.numpy(), np.array([-2.0, -1.0, 3.0]) / np.sqrt(14 / 3))


@pytest.mark.parametrize("scores", [[0.1, 0.1, 0.1], [5.0]])
def test_scores_that_do_not_differ_whiten_to_0(scores: list[float]) -> None:
    assert whiten(torch.tensor(scores)).tolist() == [0.0] * len(scores)
