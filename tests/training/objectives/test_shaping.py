"""Rewards of tokens, and the penalty on length, by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reflexa.errors import UsageError
from reflexa.training.objectives.shaping import at_ends, overlong_penalty, penalised
from tests.training.objectives.support import counts, vector


@pytest.mark.parametrize(
    ("length", "penalty"), [(1, 0.0), (75, 0.0), (80, -0.2), (99, -0.96), (100, -1.0), (1000, -1.0)]
)
def test_the_penalty_falls_within_the_last_quarter(length: int, penalty: float) -> None:
    assert overlong_penalty(length, limit=100, cache=25) == pytest.approx(penalty)


@given(length=st.integers(0, 300), limit=st.integers(1, 200), cache=st.integers(1, 200))
def test_a_longer_answer_is_never_penalised_less(length: int, limit: int, cache: int) -> None:
    cache = min(cache, limit)
    longer, shorter = (overlong_penalty(each, limit, cache) for each in (length + 1, length))
    assert -1.0 <= longer <= shorter <= 0.0


@pytest.mark.parametrize("cache", [0, 101])
def test_a_range_that_does_not_fit_is_refused(cache: int) -> None:
    with pytest.raises(UsageError, match=f"over the last {cache} of 100 tokens: expected 1 to 100"):
        overlong_penalty(10, limit=100, cache=cache)


def test_a_score_stands_at_its_completions_last_token() -> None:
    assert at_ends(vector(1.0, -2.0, 3.0), counts(2, 1, 3)).tolist() == [0.0, 1.0, -2.0, 0.0, 0.0, 3.0]


def test_a_completion_without_tokens_is_refused() -> None:
    with pytest.raises(UsageError, match="expected at least 1 token in each"):
        at_ends(vector(1.0, 2.0), counts(2, 0))


def test_each_token_pays_its_own_divergence() -> None:
    kl = vector(0.5, -0.25).requires_grad_()
    got = penalised(vector(0.0, 1.0), kl, beta=0.2)
    assert got.tolist() == pytest.approx([-0.1, 1.05])
    assert not got.requires_grad
