from __future__ import annotations

import pytest
from pydantic import ValidationError

from reflexa.lessons import LONGEST, Lesson, new_lesson_id


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
