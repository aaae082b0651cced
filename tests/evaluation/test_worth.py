"""What lessons were worth: posteriors of what was counted, and nothing where nothing was left out."""

from __future__ import annotations

import pytest

from reflexa.evaluation.worth import worth
from reflexa.lessons import Lesson, LessonOutcomes

LESSON = Lesson(id="l1", text="Look at the units.", suite="gsm8k")


def test_a_lesson_that_helps() -> None:
    found = worth(LESSON, LessonOutcomes(shown=10, shown_solved=8, left_out=8, left_out_solved=1))
    assert (found.id, found.suite, found.status, found.text) == ("l1", "gsm8k", "active", "Look at the units.")
    assert found.shown.mean == pytest.approx(9 / 12)
    assert found.left_out.mean == pytest.approx(2 / 10)
    assert found.difference == pytest.approx(9 / 12 - 2 / 10)
    assert found.shown.ci95[0] < found.shown.mean < found.shown.ci95[1]
    assert found.helps > 0.98
    assert found.utility == pytest.approx(0.5 + found.helps)


def test_how_often_tasks_were_solved_with_it_is_no_measure() -> None:
    found = worth(LESSON, LessonOutcomes(shown=30, shown_solved=30))
    assert (found.difference, found.helps, found.utility) == (0.0, 0.5, 1.0)
    assert (found.left_out.n, found.left_out.mean) == (0, 0.5)
