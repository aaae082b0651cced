"""What lessons were worth: run by run of what was counted, and nothing where nothing was left out."""

from __future__ import annotations

from math import exp

import pytest

from reflexa.evaluation.worth import worth
from reflexa.lessons import Lesson, LessonOutcomes, LessonTrials

LESSON = Lesson(id="l1", text="Look at the units.", suite="gsm8k")


def test_a_lesson_that_helps() -> None:
    found = worth(LESSON, LessonTrials.of([LessonOutcomes(shown=10, shown_solved=8, left_out=8, left_out_solved=1)]))
    assert (found.id, found.suite, found.status, found.text) == ("l1", "gsm8k", "active", "Look at the units.")
    assert (found.runs, found.shown.solved, found.shown.n, found.left_out.n) == (1, 8, 10, 8)
    assert (found.shown.rate, found.left_out.rate) == (8 / 10, 1 / 8)
    assert found.difference == pytest.approx(8 / 10 - 1 / 8)
    assert 1 < found.ci95[0] < found.odds_ratio < found.ci95[1]
    assert found.odds_ratio == pytest.approx((found.ci95[0] * found.ci95[1]) ** 0.5)
    assert found.helps > 0.98
    assert found.utility == pytest.approx(0.5 + found.helps)


def test_runs_are_compared_each_with_itself() -> None:
    strong = LessonOutcomes(shown=20, shown_solved=19, left_out=80, left_out_solved=64)
    weak = LessonOutcomes(shown=80, shown_solved=24, left_out=20, left_out_solved=2)
    found = worth(LESSON, LessonTrials.of([strong, weak]))
    assert (found.runs, found.shown.solved, found.shown.n) == (2, 43, 100)
    assert found.shown.rate == pytest.approx((0.95 + 0.3) / 2)
    assert found.left_out.rate == pytest.approx((0.8 + 0.1) / 2)
    assert found.difference == pytest.approx(0.175)
    assert found.helps > 0.985


def test_a_run_weighs_by_what_it_can_tell() -> None:
    large = LessonOutcomes(shown=30, shown_solved=15, left_out=30, left_out_solved=15)  # 30 · 30 / 60 = 15
    small = LessonOutcomes(shown=5, shown_solved=5, left_out=5, left_out_solved=0)  # 5 · 5 / 10 = 2.5
    found = worth(LESSON, LessonTrials.of([large, small]))
    assert found.difference == pytest.approx(2.5 / 17.5)


def test_how_often_tasks_were_solved_with_it_is_no_measure() -> None:
    found = worth(LESSON, LessonTrials.of([LessonOutcomes(shown=30, shown_solved=30)]))
    assert (found.runs, found.shown.n, found.difference, found.helps, found.utility) == (0, 0, 0.0, 0.5, 1.0)
    assert found.odds_ratio == 1.0
    assert found.ci95[1] == pytest.approx(exp(1.959964 * (2 / 3) ** 0.5 * 3.14159265), rel=1e-6)
