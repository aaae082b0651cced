"""What lessons earn: against numbers worked out by hand, exact posteriors, and what must not make a difference."""

from __future__ import annotations

from math import log, pi, sqrt
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reflexa.lessons import LessonOutcomes, LessonTrials
from reflexa.memory.lessons.utility import effect, harmful, help_probability, utility

RUN = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 60), st.integers(0, 60)).filter(
    lambda counts: counts[0] + counts[1] > 0 and counts[2] + counts[3] > 0
)
RUNS = st.lists(RUN, max_size=5)


def outcomes(solved: int, failed: int, solved_without: int, failed_without: int) -> LessonOutcomes:
    return LessonOutcomes(
        shown=solved + failed,
        shown_solved=solved,
        left_out=solved_without + failed_without,
        left_out_solved=solved_without,
    )


def trials(*runs: tuple[int, int, int, int]) -> LessonTrials:
    return LessonTrials.of(outcomes(*counts) for counts in runs)


def normal(z: float) -> float:
    return NormalDist().cdf(z)


PRIOR = 1 / (2 * pi**2 / 3)


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([], 0.5),
        ([(1, 0, 1, 0)], 0.5),  # all were solved: nothing is told
        ([(1, 0, 0, 1)], normal(0.5 / sqrt(1 / 4 + PRIOR))),  # E = 1/2, V = 1/4
        ([(3, 1, 1, 3)], normal(1 / sqrt(4 * 4 * 4 * 4 / (64 * 7) + PRIOR))),  # E = 2, V = 4/7
        ([(1, 0, 0, 1), (3, 1, 1, 3)], normal(1.5 / sqrt(1 / 4 + 4 / 7 + PRIOR))),
    ],
)
def test_probabilities_worked_out_by_hand(runs: list[tuple[int, int, int, int]], expected: float) -> None:
    assert help_probability(trials(*runs)) == pytest.approx(expected, abs=1e-12)


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


@pytest.mark.parametrize(
    "counts", [(1, 0, 0, 1), (3, 0, 0, 3), (7, 3, 2, 8), (30, 10, 29, 11), (0, 12, 5, 5), (50, 40, 3, 7), (40, 2, 5, 2)]
)
def test_of_one_run_it_is_close_to_what_two_shares_with_uniform_priors_say(counts: tuple[int, int, int, int]) -> None:
    exact = integrated(*(count + 1 for count in counts))
    assert help_probability(trials(counts)) == pytest.approx(exact, abs=0.06)


def test_a_lesson_that_helps_in_each_run_helps_though_all_counts_together_say_that_it_hurts() -> None:
    strong, weak = (19, 1, 64, 16), (24, 56, 2, 18)  # 95 against 80 %, left out mostly; 30 against 10 %, shown mostly
    together = trials(strong, weak).total
    assert together.shown_solved / together.shown < together.left_out_solved / together.left_out - 0.2
    assert harmful(LessonTrials(runs=(together,)))
    assert help_probability(trials(strong, weak)) > 0.985
    assert not harmful(trials(strong, weak))
    mirrored = [(failed, solved, failed_without, solved_without) for solved, failed, solved_without, failed_without
                in (strong, weak)]  # fmt: skip
    assert harmful(trials(*mirrored))


def test_many_runs_of_a_few_episodes_say_what_they_say_together() -> None:
    alike = [(9, 1, 1, 0)] * 9 + [(9, 1, 0, 1)]  # solved 9 of 10 times either way: one is left out of each run
    assert help_probability(trials(*alike)) == pytest.approx(0.5, abs=0.03)
    better = [(1, 0, 0, 1)] * 20
    assert help_probability(trials(*better)) > 0.999


@given(RUNS)
def test_with_and_without_exchanged_the_probability_is_the_rest(runs: list[tuple[int, int, int, int]]) -> None:
    there = help_probability(trials(*runs))
    back = help_probability(trials(*((c, d, a, b) for a, b, c, d in runs)))
    assert 0.0 <= there <= 1.0
    assert there + back == pytest.approx(1.0, abs=1e-9)
    assert help_probability(trials(*reversed(runs))) == pytest.approx(there, abs=1e-9)


@given(RUNS, RUN)
def test_runs_that_show_it_always_or_never_say_nothing(
    runs: list[tuple[int, int, int, int]], other: tuple[int, int, int, int]
) -> None:
    solved, failed, *_ = other
    assert trials(*runs, (solved, failed, 0, 0), (0, 0, solved, failed)) == trials(*runs)


def test_the_effect_is_the_log_odds_ratio_where_much_is_known_and_the_prior_where_nothing_is() -> None:
    known = effect(trials((5_500, 4_500, 5_000, 5_000)))
    assert known.mean == pytest.approx(log(5_500 / 4_500), rel=0.01)
    assert known.stdev == pytest.approx(sqrt(1 / 5_500 + 1 / 4_500 + 2 / 5_000), rel=0.01)
    assert effect(trials()).mean == 0.0
    assert effect(trials()).variance == pytest.approx(2 * pi**2 / 3)


def test_the_factor_is_one_until_both_groups_have_been_seen() -> None:
    assert utility(trials()) == 1.0
    assert utility(trials((9, 1, 0, 0))) == 1.0
    assert utility(trials((0, 0, 1, 9))) == 1.0
    assert 1.4 < utility(trials((18, 2, 2, 18))) <= 1.5
    assert 0.5 <= utility(trials((2, 18, 18, 2))) < 0.6


def test_harm_needs_enough_of_both_and_a_clear_difference() -> None:
    assert harmful(trials((1, 19, 16, 4)))
    assert harmful(trials((1, 9, 8, 2), (0, 10, 8, 2)))
    assert not harmful(trials((1, 19, 4, 0)))
    assert not harmful(trials((8, 12, 11, 9)))
    assert not harmful(trials((19, 1, 4, 16)))


def test_many_episodes_are_no_trouble() -> None:
    assert help_probability(trials((60_000, 40_000, 58_000, 42_000))) == pytest.approx(1.0)
    assert help_probability(trials((50_000, 50_000, 50_000, 50_000))) == pytest.approx(0.5, abs=1e-6)
