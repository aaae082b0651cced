"""Lessons in both databases: kept as they were given, changed with what they were, and where they were shown."""

from __future__ import annotations

import pytest

from reflexa.errors import StoreError, UsageError
from reflexa.lessons import Lesson, LessonOutcomes
from reflexa.memory.lessons.table import AT_ONCE
from reflexa.memory.store import Store
from tests.memory.lesson_support import SOURCE, a_lesson, awkward_lesson, play
from tests.memory.support import CONFIG


def test_lessons_come_back_as_they_were_given(store: Store) -> None:
    kept = [a_lesson(1), awkward_lesson(2), a_lesson(3, sources=())]
    store.add_lessons(kept)
    assert store.lessons() == kept[::-1]
    assert [store.find_lesson(lesson.id) for lesson in kept] == kept


def test_adding_again_changes_nothing(store: Store) -> None:
    store.add_lessons([a_lesson(1)])
    store.add_lessons([a_lesson(1, text="other", sources=(SOURCE, SOURCE)), a_lesson(2)])
    store.add_lessons([])
    assert store.lessons() == [a_lesson(2), a_lesson(1)]


def test_more_lessons_than_one_transaction_takes(store: Store) -> None:
    many = [a_lesson(number, text=f"number {number}") for number in range(AT_ONCE + 3)]
    store.add_lessons(many)
    assert store.lessons() == many[::-1]


def test_choosing_lessons(store: Store) -> None:
    store.add_lessons([
        a_lesson(1),
        a_lesson(2, suite="other"),
        a_lesson(3, status="quarantined", pack="p"),
        a_lesson(4, pack="p"),
    ])  # fmt: skip
    assert [lesson.id for lesson in store.lessons(suite="sums")] == ["l0004", "l0003", "l0001"]
    assert [lesson.id for lesson in store.lessons(status="active")] == ["l0004", "l0002", "l0001"]
    assert [lesson.id for lesson in store.lessons(pack="p", status="quarantined")] == ["l0003"]
    assert [lesson.id for lesson in store.lessons(limit=2)] == ["l0004", "l0003"]


def test_finding_a_lesson_by_the_start_of_its_id(store: Store) -> None:
    store.add_lessons([a_lesson(11), a_lesson(12), a_lesson(200)])
    assert store.find_lesson("l02") == a_lesson(200)
    with pytest.raises(UsageError, match="lesson 'l00' is ambiguous: it begins l0011, l0012: give more of its id"):
        store.find_lesson("l00")
    for unknown in ("l9999", "", "%"):
        with pytest.raises(UsageError, match=f"unknown lesson {unknown!r}"):
            store.find_lesson(unknown)


def test_a_changed_lesson_is_the_new_one_and_what_it_was_is_kept(store: Store) -> None:
    first = awkward_lesson(1)
    second = first.model_copy(update={"text": "better", "status": "active", "sources": (SOURCE,)})
    third = second.model_copy(update={"status": "dropped", "reason": "it did not help", "sources": ()})
    store.add_lessons([first, a_lesson(2)])
    store.change_lesson(second)
    store.change_lesson(second)
    store.change_lesson(third)
    assert store.find_lesson("l0001") == third
    assert store.lesson_versions("l0001") == [first, second]
    assert store.lessons() == [a_lesson(2), third]
    assert store.lesson_versions("l0002") == []


def test_changing_an_unknown_lesson_is_refused(store: Store) -> None:
    with pytest.raises(UsageError, match="unknown lesson 'l0001': known: none"):
        store.change_lesson(a_lesson(1))


def test_secrets_are_removed_from_lessons(store: Store) -> None:
    key = "sk-ant-" + "a1B2" * 8
    store.add_lessons([a_lesson(1, text=f"use {key}", reason=key)])
    store.change_lesson(a_lesson(1, text=f"rather {key}"))
    assert store.find_lesson("l0001").text == "rather [redacted:anthropic-key]"
    assert store.lesson_versions("l0001")[0].text == "use [redacted:anthropic-key]"
    assert key not in store.lesson_versions("l0001")[0].reason


def test_where_lessons_were_shown_and_left_out(store: Store) -> None:
    run = store.create_run(CONFIG)
    store.add_lessons([a_lesson(number) for number in range(4)])
    store.record_lesson_uses(run.id, "Sums/0", ["l0002", "l0001"], ["l0003"])
    store.record_lesson_uses(run.id, "Sums/0", ["l0000"], [])
    store.record_lesson_uses(run.id, "Sums/1", [], ["l0001"])
    assert store.lessons_of(run.id, "Sums/0") == ["l0002", "l0001"]
    assert store.lessons_of(run.id, "Sums/1") == []
    with pytest.raises(StoreError, match="refused a row"):
        store.record_lesson_uses(run.id, "Sums/2", ["unknown"], [])


def test_which_lessons_were_ever_recalled(store: Store) -> None:
    store.add_lessons([a_lesson(1), a_lesson(2), a_lesson(3, suite="other"), a_lesson(4)])
    first, second = store.create_run(CONFIG), store.create_run(CONFIG)
    store.record_lesson_uses(first.id, "t", ["l0001"], ["l0003"])
    store.record_lesson_uses(second.id, "t", ["l0001", "l0002"], [])
    assert [lesson.id for lesson in store.recalled_lessons()] == ["l0003", "l0002", "l0001"]
    assert [lesson.id for lesson in store.recalled_lessons(run_id=first.id)] == ["l0003", "l0001"]
    assert [lesson.id for lesson in store.recalled_lessons(run_id=first.id, suite="sums")] == ["l0001"]


def test_outcomes_count_the_episodes_that_ended(store: Store) -> None:
    run = store.create_run(CONFIG)
    store.add_lessons([a_lesson(number) for number in range(3)])
    for number, solved in enumerate([True, False, True]):
        task_id = play(store, run.id, number, solved=solved)
        store.record_lesson_uses(run.id, task_id, ["l0000"], ["l0001"])
    broken = play(store, run.id, 3, solved=False, error="it broke")
    store.record_lesson_uses(run.id, broken, ["l0000"], [])
    store.record_lesson_uses(run.id, "Sums/unfinished", ["l0000"], [])
    assert store.lesson_outcomes(["l0000", "l0001", "l0002", "unknown"]) == {
        "l0000": LessonOutcomes(shown=3, shown_solved=2),
        "l0001": LessonOutcomes(left_out=3, left_out_solved=2),
        "l0002": LessonOutcomes(),
        "unknown": LessonOutcomes(),
    }


def test_trials_are_counted_run_by_run_where_chance_chose(store: Store) -> None:
    always, by_lot, by_another = (store.create_run(CONFIG) for _ in range(3))
    store.add_lessons([a_lesson(0), a_lesson(1)])
    for number in range(3):  # an easy run that showed the lesson always, and left another one out
        store.record_lesson_uses(always.id, play(store, always.id, number, solved=True), ["l0000"], ["l0001"])
    for number, solved in enumerate([True, False, False, True]):
        uses = (["l0000"], []) if number < 2 else ([], ["l0000"])
        store.record_lesson_uses(by_lot.id, play(store, by_lot.id, number, solved=solved), *uses)
    for number in range(2):
        uses = (["l0000"], []) if number else ([], ["l0000"])
        store.record_lesson_uses(by_another.id, play(store, by_another.id, number, solved=True), *uses)
    assert store.lesson_outcomes(["l0000"])["l0000"].shown == 6
    found = store.lesson_trials(["l0000", "l0001", "unknown"])
    assert set(found["l0000"].runs) == {
        LessonOutcomes(shown=2, shown_solved=1, left_out=2, left_out_solved=1),
        LessonOutcomes(shown=1, shown_solved=1, left_out=1, left_out_solved=1),
    }
    assert found["l0000"].total == LessonOutcomes(shown=3, shown_solved=2, left_out=3, left_out_solved=2)
    assert (found["l0001"].runs, found["unknown"].runs) == ((), ())


def test_lessons_written_by_two_stores_at_once(url: str) -> None:
    with Store.open(url) as first, Store.open(url) as second:
        first.add_lessons([a_lesson(1)])
        second.add_lessons([a_lesson(1), a_lesson(2)])
        second.change_lesson(Lesson.model_validate(a_lesson(1).model_dump() | {"text": "seen by both"}))
        assert first.find_lesson("l0001").text == "seen by both"
