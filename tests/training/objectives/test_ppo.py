"""PPO's targets and value loss against numbers worked by hand, numpy, and finite differences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from reflexa.errors import UsageError
from reflexa.training.objectives.ppo import ValueBatch, ValueConfig, ppo_targets, value_loss
from tests.training.objectives.support import PRECISIONS, as_array, counts, vector

FREE, CLIPPED = ValueConfig(value_clip=None), ValueConfig(value_clip=0.5)
BATCH = ValueBatch(
    values=vector(1.0, 3.0, 9.0),
    old=vector(0.0, 3.0, 9.0),
    returns=vector(2.0, 1.0, -7.0),
    mask=vector(1.0, 1.0, 0.0),
)
"""Errors −1 and 2; the first value counts as 0.5 when it may move by 0.5: error −1.5. The third is not learnt."""


def test_targets_by_hand() -> None:
    """Values 0.5 throughout; λ 1: the returns are the rewards to come, A = (0.5, 0.5, −0.5, −0.5)."""
    rewards, values = vector(0.0, 1.0, 0.0, 0.0), vector(0.5, 0.5, 0.5, 0.5)
    targets = ppo_targets(rewards, values, counts(2, 2), ValueConfig(lam=1.0))
    assert targets.returns.tolist() == [1.0, 1.0, 0.0, 0.0]
    assert targets.advantages.tolist() == [1.0, 1.0, -1.0, -1.0]


def test_targets_have_no_gradient() -> None:
    values = vector(0.5, 0.25).requires_grad_()
    targets = ppo_targets(vector(0.0, 1.0), values, counts(2), FREE)
    assert not targets.returns.requires_grad
    assert not targets.advantages.requires_grad


def test_value_loss_by_hand() -> None:
    free, clipped = value_loss(BATCH, FREE), value_loss(BATCH, CLIPPED)
    assert free.loss.item() == (1 + 4) / 2 / 2
    assert clipped.loss.item() == (2.25 + 4) / 2 / 2
    assert clipped.weight.item() == 2.0
    metrics = {name: value.item() for name, value in clipped.metrics.items()}
    assert metrics == {"value": 2.0, "value/return": 1.5, "value/error": 2.5, "value/clip": 0.5}
    assert free.metrics["value/clip"].item() == 0.0


@pytest.mark.parametrize("config", [FREE, CLIPPED], ids=["free", "clipped"])
@PRECISIONS
@given(seed=st.integers(0, 2**32 - 1), tokens=st.integers(1, 40))
@settings(max_examples=30, deadline=None)
def test_agrees_with_numpy(config: ValueConfig, dtype: torch.dtype, tolerance: float, seed: int, tokens: int) -> None:
    random = np.random.default_rng(seed)
    values, old, returns = (torch.tensor(random.normal(0, 1, tokens), dtype=dtype) for _ in range(3))
    mask = torch.tensor(random.integers(0, 2, tokens), dtype=dtype)
    v, o, r = (as_array(column) for column in (values, old, returns))
    errors = (v - r) ** 2
    if config.value_clip is not None:
        errors = np.maximum(errors, (np.clip(v, o - config.value_clip, o + config.value_clip) - r) ** 2)
    expected = 0.5 * float((errors * as_array(mask)).sum()) / max(1.0, float(as_array(mask).sum()))
    got = value_loss(ValueBatch(values=values, old=old, returns=returns, mask=mask), config)
    assert got.loss.item() == pytest.approx(expected, rel=tolerance)


def test_gradients() -> None:
    def loss(values: Tensor) -> Tensor:
        return value_loss(replace(BATCH, values=values), CLIPPED).loss

    values, old, returns = (column.clone().requires_grad_() for column in (BATCH.values, BATCH.old, BATCH.returns))
    assert torch.autograd.gradcheck(loss, values)
    output = value_loss(replace(BATCH, values=values, old=old, returns=returns), CLIPPED)
    gradient, *others = torch.autograd.grad(output.loss, (values, old, returns), allow_unused=True)
    assert gradient.tolist() == [0.0, 1.0, 0.0]  # held back; (3 − 1)/2; not learnt
    assert others == [None, None]


def test_what_is_not_learnt_may_hold_anything() -> None:
    broken = vector(1.0, 3.0, float("inf")).requires_grad_()
    output = value_loss(replace(BATCH, values=broken), CLIPPED)
    assert output.loss.item() == value_loss(BATCH, CLIPPED).loss.item()
    assert torch.isfinite(torch.autograd.grad(output.loss, broken)[0]).all()


def test_parts_combine_to_the_whole() -> None:
    def part(tokens: slice) -> ValueBatch:
        columns = {name: getattr(BATCH, name)[tokens] for name in ("values", "old", "returns", "mask")}
        return ValueBatch(**columns)

    parts = [value_loss(part(tokens), CLIPPED) for tokens in (slice(0, 1), slice(1, 2), slice(2, 3))]
    combined = sum(each.weight * each.loss for each in parts) / sum(each.weight for each in parts)
    torch.testing.assert_close(combined, value_loss(BATCH, CLIPPED).loss)


@pytest.mark.parametrize("field", ["old", "returns", "mask"])
def test_lengths_that_differ_are_refused(field: str) -> None:
    with pytest.raises(UsageError, match=rf"^{field} has the shape \[1\]: expected \[3\]"):
        value_loss(replace(BATCH, **{field: vector(1.0)}), FREE)
