"""What is recalled, in which order, and what never is: on both databases."""

from __future__ import annotations

from typing import Any

import pytest

from reflexa.lessons import LessonSource, LessonStatus, RecallQuery
from reflexa.memory.lessons.recall import fuse
from reflexa.memory.store import Store
from tests.memory.lesson_support import a_lesson, play
from tests.memory.support import AWKWARD, CONFIG


def ids(store: Store, text: str = "a list of numbers", **given: Any) -> list[str]:
    query = RecallQuery(**({"text": text, "suite": "sums", "split": "train", "task_id": "Sums/1"} | given))
    return [recalled.lesson.id for recalled in store.recall_lessons(query)]


def test_what_shares_more_and_rarer_words_comes_first(store: Store) -> None:
    store.add_lessons([
        a_lesson(0, text="A number of steps is best counted."),
        a_lesson(1, text="Parse a nested list of brackets with a stack."),
        a_lesson(2, text="A list of letters is no string."),
        a_lesson(3, text="Nothing shared"),
    ])  # fmt: skip
    assert ids(store, "How does one parse brackets in a list?") == ["l0001", "l0002", "l0000"]


def test_an_empty_memory_and_a_query_without_words_recall_nothing(store: Store) -> None:
    assert ids(store) == []
    store.add_lessons([a_lesson(0)])
    assert ids(store, "?! …") == []
    assert ids(store, "unheard of") == []


@pytest.mark.parametrize(
    "text", [AWKWARD, '"numbers', "numbers' OR 1=1 --", "numbers:* & | ! <->", "NOT NEAR(numbers)"]
)
def test_a_query_is_words_and_no_language(store: Store, text: str) -> None:
    store.add_lessons([a_lesson(0, text="about numbers"), a_lesson(1, text="é quoted")])
    assert ids(store, text) == (["l0001"] if text is AWKWARD else ["l0000"])


def test_words_are_found_in_any_case_and_across_punctuation(store: Store) -> None:
    store.add_lessons([a_lesson(0, text="Use user_id/NAME@host: it's naïve")])
    for word in ("USER", "id", "name", "Host", "naïve"):
        assert ids(store, word) == ["l0000"], word


@pytest.mark.parametrize("status", ["quarantined", "merged", "dropped", "retracted"])
def test_only_active_lessons_are_recalled(store: Store, status: LessonStatus) -> None:
    store.add_lessons([a_lesson(0), a_lesson(1, text="numbers elsewhere", status=status)])
    assert ids(store, "numbers") == ["l0000"]
    store.change_lesson(a_lesson(0, status=status))
    assert ids(store, "numbers") == []


def test_a_changed_text_is_found_by_its_new_words_alone(store: Store) -> None:
    store.add_lessons([a_lesson(0, text="numbers")])
    store.change_lesson(a_lesson(0, text="letters"))
    assert ids(store, "numbers") == []
    assert ids(store, "letters") == ["l0000"]


def test_the_scope_is_the_suite_or_everything(store: Store) -> None:
    store.add_lessons([a_lesson(0, text="numbers here"), a_lesson(1, text="numbers there", suite="other")])
    assert ids(store, "numbers") == ["l0000"]
    assert sorted(ids(store, "numbers", scope="all")) == ["l0000", "l0001"]


def test_nothing_crosses_from_one_test_task_to_another(store: Store) -> None:
    of_task = (LessonSource(run="r", task="Sums/1", attempt=0),)
    store.add_lessons([
        a_lesson(0, text="numbers zero", split="test"),
        a_lesson(1, text="numbers one", split="train"),
        a_lesson(2, text="numbers two", split="train", sources=of_task),
        a_lesson(3, text="numbers three", split="test", sources=of_task),
    ])  # fmt: skip
    assert ids(store, "numbers", split="test", task_id="Sums/1") == ["l0001"]
    assert ids(store, "numbers", split="train", task_id="Sums/7", k=9) == ["l0000", "l0001", "l0002", "l0003"]
    assert ids(store, "numbers", split="train", task_id="Sums/1", k=9) == ["l0000", "l0001", "l0002"]


def test_as_many_as_asked_for_and_within_the_budget(store: Store) -> None:
    store.add_lessons([a_lesson(number, text=f"numbers {'abcdefgh'[number] * 32}") for number in range(8)])
    assert len(ids(store, "numbers", k=3)) == 3
    assert len(ids(store, "numbers", k=8, tokens=35)) == 3
    assert ids(store, "numbers", tokens=9) == []


def test_a_lesson_that_says_what_another_said_is_left_out(store: Store) -> None:
    store.add_lessons([
        a_lesson(0, text="Add all of the numbers in order."),
        a_lesson(1, text="add ALL of the numbers, in order"),
        a_lesson(2, text="Subtract numbers."),
    ])  # fmt: skip
    found = ids(store, "add numbers in order")
    assert len(found) == 2
    assert found[-1] == "l0002"


def test_what_helped_comes_before_what_hurt(store: Store) -> None:
    store.add_lessons([a_lesson(0, text="numbers first"), a_lesson(1, text="numbers second, or later")])
    assert ids(store, "numbers first") == ["l0000", "l0001"]
    run = store.create_run(CONFIG)
    for number in range(12):
        task_id = play(store, run.id, number, solved=number % 2 == 0)
        shown, left_out = (["l0001"], ["l0000"]) if number % 2 == 0 else (["l0000"], ["l0001"])
        store.record_lesson_uses(run.id, task_id, shown, left_out)
    assert ids(store, "numbers first") == ["l0001", "l0000"]
    found = store.recall_lessons(RecallQuery(text="numbers first", suite="sums"))
    assert [round(recalled.utility, 2) for recalled in found] == [1.5, 0.5]
    assert all(recalled.score == recalled.relevance * recalled.utility for recalled in found)


def test_fusion_by_reciprocal_rank() -> None:
    assert fuse([[7, 8], [8, 9]]) == pytest.approx({7: 1 / 61, 8: 1 / 62 + 1 / 61, 9: 1 / 62})
