from __future__ import annotations

import pytest
from pydantic import ValidationError

from reflexa.lessons import LONGEST, Lesson, LessonOutcomes, LessonTrials, new_lesson_id


def test_a_lesson_has_a_text_and_a_short_one() -> None:
    assert Lesson(id="l1", text="x" * LONGEST, suite="s").trust == "own"
    for text in ("", "x" * (LONGEST + 1)):
        with pytest.raises(ValidationError, match="expected 1 to 4,000: a lesson is short"):
            Lesson(id="l1", text=text, suite="s")


def test_a_lesson_holds_what_a_model_wrote() -> None:
    assert Lesson(id="l1", text="\ud800 \x00", suite="s").text == "\ud800 \x00"


def test_new_ids_are_new_and_begin_alike() -> None:
    ids = {new_lesson_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert {(len(each), each[0]) for each in ids} == {(15, "l")}


def test_trials_are_the_runs_that_showed_a_lesson_and_left_it_out() -> None:
    both = LessonOutcomes(shown=3, shown_solved=2, left_out=1)
    shown, left_out = LessonOutcomes(shown=4, shown_solved=4), LessonOutcomes(left_out=5, left_out_solved=1)
    found = LessonTrials.of([shown, both, left_out, both])
    assert found.runs == (both, both)
    assert found.total == LessonOutcomes(shown=6, shown_solved=4, left_out=2)
    assert LessonTrials().total == LessonOutcomes()
