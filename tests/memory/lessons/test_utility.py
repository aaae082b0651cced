"""What lessons earn: against numbers worked out by hand, numeric integration, and the laws of probability."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reflexa.lessons import LessonOutcomes
from reflexa.memory.lessons.utility import harmful, help_probability, utility

COUNTS = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60), st.integers(0, 60))


def outcomes(solved: int, failed: int, solved_without: int, failed_without: int) -> LessonOutcomes:
    return LessonOutcomes(
        shown=solved + failed,
        shown_solved=solved,
        left_out=solved_without + failed_without,
        left_out_solved=solved_without,
    )


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((0, 0, 0, 0), 1 / 2),
        ((1, 0, 0, 0), 2 / 3),  # the mean of Beta(2, 1), since the other is uniform
        ((0, 3, 0, 0), 1 / 5),
        ((1, 0, 0, 1), 5 / 6),  # the integral of 2x(2x - x²)
        ((1, 0, 1, 0), 1 / 2),
    ],
)
def test_probabilities_worked_out_by_hand(counts: tuple[int, int, int, int], expected: float) -> None:
    assert help_probability(outcomes(*counts)) == pytest.approx(expected, abs=1e-12)


def integrated(a: int, b: int, c: int, d: int, steps: int = 4000) -> float:
    """P(Beta(a, b) > Beta(c, d)) by summing their densities over a grid."""
    xs = [(step + 0.5) / steps for step in range(steps)]
    first = [x ** (a - 1) * (1 - x) ** (b - 1) for x in xs]
    second = [x ** (c - 1) * (1 - x) ** (d - 1) for x in xs]
    below = total = 0.0
    for x, y in zip(first, second, strict=True):
        total += x * (below + y / 2)
        below += y
    return total / sum(first) / sum(second)


@pytest.mark.parametrize("counts", [(7, 3, 2, 8), (30, 10, 29, 11), (0, 12, 5, 5), (40, 2, 1, 3)])
def test_probabilities_by_integration(counts: tuple[int, int, int, int]) -> None:
    expected = integrated(*(count + 1 for count in counts))
    assert help_probability(outcomes(*counts)) == pytest.approx(expected, abs=1e-5)


@given(COUNTS)
def test_with_and_without_exchanged_the_probability_is_the_rest(counts: tuple[int, int, int, int]) -> None:
    a, b, c, d = counts
    there, back = help_probability(outcomes(a, b, c, d)), help_probability(outcomes(c, d, a, b))
    assert 0.0 <= there <= 1.0
    assert there + back == pytest.approx(1.0, abs=1e-9)
    assert help_probability(outcomes(a + 1, b, c, d)) >= there - 1e-9


def test_the_factor_is_one_until_both_groups_have_been_seen() -> None:
    assert utility(LessonOutcomes()) == 1.0
    assert utility(outcomes(9, 1, 0, 0)) == 1.0
    assert utility(outcomes(0, 0, 1, 9)) == 1.0
    assert 1.4 < utility(outcomes(18, 2, 2, 18)) < 1.5
    assert 0.5 < utility(outcomes(2, 18, 18, 2)) < 0.6


def test_harm_needs_enough_of_both_and_a_clear_difference() -> None:
    assert harmful(outcomes(1, 19, 16, 4))
    assert not harmful(outcomes(1, 19, 4, 0))
    assert not harmful(outcomes(8, 12, 11, 9))
    assert not harmful(outcomes(19, 1, 4, 16))


def test_many_episodes_are_no_trouble() -> None:
    assert help_probability(outcomes(60_000, 40_000, 58_000, 42_000)) == pytest.approx(1.0)
    assert help_probability(outcomes(50_000, 50_000, 50_000, 50_000)) == pytest.approx(0.5, abs=1e-6)
