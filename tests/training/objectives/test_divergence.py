"""KL estimators against numbers worked by hand, numpy and the exact KL; the adaptive coefficient."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from reflexa.errors import UsageError
from reflexa.training.objectives.divergence import (
    HIGHEST,
    LOWEST,
    AdaptiveKL,
    Estimator,
    k1,
    k2,
    k3,
    log_ratio,
    sequence_kl,
    token_kl,
)
from tests.training.objectives.support import PRECISIONS, Array, as_array, counts, vector

NUMPY: dict[Estimator, Callable[[Array], Array]] = {
    "k1": lambda x: -x,
    "k2": lambda x: x**2 / 2,
    "k3": lambda x: np.exp(x) - 1 - x,
}
EACH = pytest.mark.parametrize("estimator", NUMPY)


def test_worked_by_hand() -> None:
    policy, reference = vector(-1.0, -3.0), vector(-2.0, -2.0)  # ln r = −1 and 1
    assert k1(policy, reference).tolist() == [1.0, -1.0]
    assert k2(policy, reference).tolist() == [0.5, 0.5]
    assert k3(policy, reference).tolist() == pytest.approx([math.exp(-1), math.e - 2])


@EACH
@PRECISIONS
@given(seed=st.integers(0, 2**32 - 1), tokens=st.integers(1, 40))
@settings(max_examples=30, deadline=None)
def test_agrees_with_numpy(estimator: Estimator, dtype: torch.dtype, tolerance: float, seed: int, tokens: int) -> None:
    random = np.random.default_rng(seed)
    policy, reference = (torch.tensor(-random.uniform(0.05, 8.0, tokens), dtype=dtype) for _ in range(2))
    expected = NUMPY[estimator](as_array(reference) - as_array(policy))
    got = as_array(token_kl(policy, reference, estimator))
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance * float(np.abs(expected).mean()))


def test_a_policy_near_its_reference_keeps_its_digits() -> None:
    policy, reference = torch.tensor([-1.0]), torch.tensor([-1.0 + 2**-12])
    assert k3(policy, reference).item() == pytest.approx(2.0**-25, rel=1e-3)  # x²/2, which float32's exp(x) − 1 loses


@pytest.mark.parametrize("estimator", ["k1", "k3"])
def test_the_mean_over_samples_is_the_kl(estimator: Estimator) -> None:
    policy, reference = (vector(*logits).log_softmax(0) for logits in ((0.0, 1.0, -1.0), (0.5, 0.0, 0.0)))
    exact = (policy.exp() * (policy - reference)).sum()
    torch.testing.assert_close((policy.exp() * token_kl(policy, reference, estimator)).sum(), exact)


def expected_gradient(estimator: Estimator, logits: Tensor, reference: Tensor) -> Tensor:
    """The mean over y ~ π of the gradient of the estimate at y, by logits."""
    policy = logits.log_softmax(0)
    weights = policy.exp().detach()
    (gradient,) = torch.autograd.grad((weights * token_kl(policy, reference, estimator)).sum(), logits)
    return gradient


def test_as_a_loss_k2_has_the_gradient_of_the_kl_and_k1_has_none() -> None:
    logits, reference = vector(0.3, 1.0, -1.0).requires_grad_(), vector(0.5, 0.0, 0.0).log_softmax(0)
    policy = logits.log_softmax(0)
    (exact,) = torch.autograd.grad((policy.exp() * (policy - reference)).sum(), logits)
    torch.testing.assert_close(expected_gradient("k2", logits, reference), exact)
    torch.testing.assert_close(expected_gradient("k1", logits, reference), torch.zeros(3, dtype=torch.float64))
    assert (expected_gradient("k3", logits, reference) - exact).norm() > 0.05


@EACH
def test_the_gradient_is_the_policys_alone_and_agrees_with_finite_differences(estimator: Estimator) -> None:
    policy, reference = vector(-1.0, -3.0).requires_grad_(), vector(-2.0, -2.5).requires_grad_()
    assert torch.autograd.gradcheck(lambda value: token_kl(value, reference.detach(), estimator), policy)
    gradients = torch.autograd.grad(
        token_kl(policy, reference, estimator).sum(), (policy, reference), allow_unused=True
    )
    assert [gradient is None for gradient in gradients] == [False, True]


@EACH
def test_extremes_are_bounded_and_stay_finite(estimator: Estimator) -> None:
    policy, reference = torch.tensor([-500.0, -1e-6], requires_grad=True), torch.tensor([-1.0, -1e9])
    assert log_ratio(policy, reference).tolist() == [HIGHEST, LOWEST]
    each = token_kl(policy, reference, estimator)
    assert torch.isfinite(each).all()
    assert torch.autograd.grad(each.sum(), policy)[0].tolist() == [0.0, 0.0]


def test_sequences_are_sums_of_their_tokens() -> None:
    policy, reference = vector(-1.0, -1.0, -1.0), vector(-2.0, -1.5, -0.5)
    assert sequence_kl(policy, reference, counts(2, 1)).tolist() == [1.5, -0.5]
    assert sequence_kl(policy, reference, counts(2, 1), "k2").tolist() == [0.625, 0.125]


@pytest.mark.parametrize(
    ("kl", "beta"), [(6.0, 0.2), (6.6, 0.202), (60.0, 0.204), (0.0, 0.196)], ids=["met", "near", "far", "below"]
)
def test_the_coefficient_follows_the_error_within_its_bounds(kl: float, beta: float) -> None:
    assert AdaptiveKL(beta=0.2, target=6.0).after(kl).beta == pytest.approx(beta)


def test_the_coefficient_holds_the_target() -> None:
    """Where the KL falls as its price rises, as 3/β: the target 6 is met at β = 0.5."""
    controller = AdaptiveKL(beta=0.02, target=6.0)
    for _ in range(500):
        controller = controller.after(3.0 / controller.beta)
    assert controller.beta == pytest.approx(0.5, rel=1e-3)


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(UsageError, match=r"^reference has the shape \[1\]: expected \[2\]"):
        k1(vector(-1.0, -2.0), vector(-1.0))
