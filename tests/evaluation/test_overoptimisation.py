"""Gao's curves: known ones are found again, intervals hold what they should, and a missing peak is called missing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reflexa.errors import UsageError
from reflexa.evaluation.overoptimisation import Law, distance, fit_curve

DISTANCES = [0.25, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0]


def gains(law: Law, alpha: float, beta: float, distances: list[float]) -> list[float]:
    spoilt = distances if law == "best-of-n" else [math.log(d) for d in distances]
    return [d * (alpha - beta * s) for d, s in zip(distances, spoilt, strict=True)]


def test_worked_peaks() -> None:
    chosen = fit_curve("best-of-n", DISTANCES, gains("best-of-n", 1.2, 0.3, DISTANCES))
    assert chosen.alpha.value == pytest.approx(1.2)
    assert chosen.beta.value == pytest.approx(0.3)
    assert chosen.peak.value == pytest.approx(2.0)  # 1.2/(2·0.3)
    assert chosen.height.value == pytest.approx(1.2)  # 2·(1.2 − 0.3·2)
    learnt = fit_curve("rl", DISTANCES, gains("rl", 0.8, 0.5, DISTANCES))
    assert learnt.peak.value == pytest.approx(1.8221188)  # exp(0.8/0.5 − 1)
    assert learnt.height.value == pytest.approx(0.9110594)  # d·β at the peak
    assert chosen.shown
    assert learnt.shown
    assert chosen.misfit == pytest.approx(0.0, abs=1e-12)


def test_a_sampled_curve_goes_from_the_start_to_what_was_measured() -> None:
    found = fit_curve("best-of-n", DISTANCES, gains("best-of-n", 1.2, 0.3, DISTANCES))
    points = found.sampled(0.5, n=3)
    assert points[0] == (0.0, 0.5)
    assert [distance for distance, _ in points] == [0.0, 1.0, 2.0, 3.0]
    assert [reward for _, reward in points[1:]] == pytest.approx([1.4, 1.7, 1.4])  # 0.5 + d·(1.2 − 0.3·d)


def test_least_squares_by_hand() -> None:
    """Best of n at d = 1, 2, 3 with gains 1, 1, 1: the normal equations are 14α − 36β = 6 and −36α + 98β = −14."""
    found = fit_curve("best-of-n", [1.0, 2.0, 3.0], [1.0, 1.0, 1.0])
    assert found.alpha.value == pytest.approx((6 * 98 - 36 * 14) / (14 * 98 - 36 * 36))
    assert found.beta.value == pytest.approx((6 * 36 - 14 * 14) / (14 * 98 - 36 * 36))


@given(
    st.sampled_from(["best-of-n", "rl"]),
    st.floats(0.1, 5),
    st.floats(0.1, 2),
    st.lists(st.integers(1, 60), min_size=3, max_size=12, unique=True),
)
@settings(max_examples=40, deadline=None)
def test_a_curve_is_found_again_and_peaks_where_it_is_highest(
    law: Law, alpha: float, beta: float, marks: list[int]
) -> None:
    distances = [mark / 10 for mark in marks]
    found = fit_curve(law, distances, gains(law, alpha, beta, distances), resamples=50)
    assert found.alpha.value == pytest.approx(alpha, rel=1e-5, abs=1e-6)
    assert found.beta.value == pytest.approx(beta, rel=1e-5, abs=1e-6)
    peak = found.peak.value
    assert peak is not None
    assert found.gain(peak) == pytest.approx(found.height.value, rel=1e-5)
    assert found.gain(peak) >= max(found.gain(0.9 * peak), found.gain(1.1 * peak))


def test_a_curve_that_rises_for_ever_has_no_peak() -> None:
    found = fit_curve("rl", DISTANCES, gains("rl", 0.5, -0.2, DISTANCES))
    assert (found.peak.value, found.peak.high, found.height.value) == (None, None, None)
    assert not found.shown


def test_a_peak_beyond_what_was_measured_is_not_shown() -> None:
    found = fit_curve("best-of-n", DISTANCES, gains("best-of-n", 1.2, 0.1, DISTANCES))
    assert found.peak.value == pytest.approx(6.0)
    assert not found.shown


def test_a_curve_that_falls_from_the_start_peaks_there() -> None:
    found = fit_curve("best-of-n", DISTANCES, gains("best-of-n", -0.5, 0.1, DISTANCES))
    assert (found.peak.value, found.height.value) == (0.0, 0.0)


def test_intervals_over_tasks_hold_the_truth_about_as_often_as_they_say() -> None:
    """200 studies of 40 tasks whose rewards scatter around a known curve: 95 % of the intervals should hold α."""
    generator = np.random.default_rng(0)
    truth = np.array(gains("rl", 0.8, 0.5, DISTANCES))
    held = 0
    for _ in range(200):
        tasks = truth + generator.normal(0, 0.5, size=(40, 1)) * np.array(DISTANCES) + generator.normal(0, 1, (40, 7))
        alpha = fit_curve("rl", DISTANCES, tasks, resamples=300).alpha
        assert alpha.low is not None
        assert alpha.high is not None
        held += alpha.low <= 0.8 <= alpha.high
    assert 178 <= held <= 199


def test_intervals_are_the_same_for_the_same_seed() -> None:
    noisy = [gain + 0.05 * (-1) ** number for number, gain in enumerate(gains("rl", 0.8, 0.5, DISTANCES))]
    first, again = (fit_curve("rl", DISTANCES, noisy) for _ in range(2))
    assert first == again
    assert first.resampled == "points"
    assert first.alpha != fit_curve("rl", DISTANCES, noisy, seed=1).alpha


def test_replicates_are_drawn_whole() -> None:
    """Seeds that differ by a factor alone differ in α and β, never in where the peak is."""
    base = np.array(gains("best-of-n", 1.2, 0.3, DISTANCES))
    found = fit_curve("best-of-n", DISTANCES, np.stack([base, 1.5 * base, 0.5 * base]))
    assert found.resampled == "replicates"
    assert found.alpha.low is not None
    assert found.alpha.low < 1.0
    assert found.peak.low == pytest.approx(2.0)
    assert found.peak.high == pytest.approx(2.0)


def test_the_start_itself_changes_nothing() -> None:
    values = gains("best-of-n", 1.2, 0.3, DISTANCES)
    assert fit_curve("best-of-n", [0.0, *DISTANCES], [0.0, *values]) == fit_curve("best-of-n", DISTANCES, values)


def test_distances() -> None:
    assert distance(4.0) == 2.0
    assert distance(-0.001) == 0.0


@pytest.mark.parametrize(
    ("distances", "values", "words"),
    [
        ([0.0, 1.0, 2.0], [0.0, 1.0, 1.5], "through 2 distances"),
        ([1.0, 1.0, 1.0], [1.0, 1.0, 1.0], "through 1 distances"),
        ([1.0, 2.0, 3.0], [1.0, 2.0], "of shape"),
        ([1.0, 2.0, math.inf], [1.0, 2.0, 3.0], "not finite"),
        ([1.0, 2.0, -3.0], [1.0, 2.0, 3.0], "below 0"),
    ],
)
def test_what_cannot_be_fitted_is_refused(distances: list[float], values: list[float], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        fit_curve("rl", distances, values)
