"""Lessons by their vectors, in both databases, with an embedder that counts letters."""

from __future__ import annotations

import logging
import string
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from reflexa.errors import PolicyError
from reflexa.lessons import LessonStatus, RecallQuery
from reflexa.memory.lessons.embedding import AT_ONCE
from reflexa.memory.store import Store
from tests.memory.lesson_support import a_lesson
from tests.memory.support import AWKWARD


class Letters:
    """How often each letter occurs: texts of the same letters are alike without sharing a word."""

    def __init__(self, name: str = "letters") -> None:
        self.name = name
        self.asked: list[str] = []
        self.broken = False

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if self.broken:
            raise PolicyError("the embedder is out of reach")
        self.asked += texts
        return np.array([[text.count(letter) for letter in string.ascii_lowercase] for text in texts], np.float32)


def ids(store: Store, text: str, suite: str = "sums", split: str = "train") -> list[str]:
    found = store.recall_lessons(RecallQuery(text=text, suite=suite, split=split, k=2))
    return [recalled.lesson.id for recalled in found]


def test_a_lesson_without_a_common_word_is_found_by_its_vector(store: Store) -> None:
    store.add_lessons([a_lesson(0, text="abc abd"), a_lesson(1, text="xyz xyy")])
    assert ids(store, "cab bad") == []
    store.use_embedder(Letters())
    assert ids(store, "cab bad")[0] == "l0000"
    assert ids(store, "zyx")[0] == "l0001"
    store.use_embedder(None)
    assert ids(store, "zyx") == []


def test_each_text_is_embedded_once(store: Store) -> None:
    first = Letters()
    store.use_embedder(first)
    store.add_lessons([a_lesson(0, text="abc")])
    store.add_lessons([a_lesson(0, text="abc"), a_lesson(1, text="xyz")])
    ids(store, "abc")
    ids(store, "abc")
    assert first.asked == ["abc", "xyz", "abc", "abc"]
    again = Letters()
    store.use_embedder(again)
    ids(store, "q")
    assert again.asked == ["q"]
    other = Letters("others")
    store.use_embedder(other)
    ids(store, "q")
    assert other.asked == ["abc", "xyz", "q"]
    assert store.stats().vectors == {"letters": 2, "others": 2}


def test_a_changed_text_has_a_new_vector(store: Store) -> None:
    store.use_embedder(Letters())
    store.add_lessons([a_lesson(0, text="abc"), a_lesson(1, text="mno")])
    assert ids(store, "cba")[0] == "l0000"
    store.change_lesson(a_lesson(0, text="xyz"))
    assert ids(store, "zyx")[0] == "l0000"
    assert store.stats().vectors == {"letters": 2}


@pytest.mark.parametrize("status", ["quarantined", "dropped"])
def test_lessons_that_are_not_active_are_neither_embedded_nor_found(store: Store, status: LessonStatus) -> None:
    letters = Letters()
    store.use_embedder(letters)
    store.add_lessons([a_lesson(0, text="abc", status=status), a_lesson(1, text="abd")])
    assert ids(store, "cab") == ["l0001"]
    assert letters.asked == ["abd", "cab"]
    store.change_lesson(a_lesson(1, text="abd", status=status))
    assert ids(store, "cab") == []
    store.change_lesson(a_lesson(0, text="abc"))
    assert ids(store, "cab") == ["l0000"]


def test_vectors_do_not_go_round_the_firewall(store: Store) -> None:
    store.use_embedder(Letters())
    store.add_lessons([a_lesson(0, text="abc", split="test"), a_lesson(1, text="abd", suite="other")])
    assert ids(store, "cba", split="test") == []
    assert ids(store, "cba") == ["l0000"]
    assert ids(store, "dba", suite="other") == ["l0001"]


def test_what_another_process_added_is_found(url: str) -> None:
    with Store.open(url) as first, Store.open(url) as second:
        first.use_embedder(Letters())
        second.use_embedder(Letters())
        first.add_lessons([a_lesson(0, text="abc")])
        assert ids(second, "cba") == ["l0000"]
        first.add_lessons([a_lesson(1, text="xyz")])
        assert ids(second, "zyx")[0] == "l0001"
        second.change_lesson(a_lesson(1, text="mmm"))
        assert ids(first, "m")[0] == "l0001"


def test_an_embedder_out_of_reach_leaves_the_words(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    letters = Letters()
    store.use_embedder(letters)
    store.add_lessons([a_lesson(0, text="abc def")])
    letters.broken = True
    with caplog.at_level(logging.WARNING):
        assert ids(store, "def") == ["l0000"]
        store.add_lessons([a_lesson(1, text="ghi")])
    assert "lessons are recalled by their words alone: the embedder is out of reach" in caplog.text
    letters.broken = False
    assert ids(store, "ihg")[0] == "l0001"


def test_texts_of_any_content_and_number(store: Store) -> None:
    letters = Letters()
    store.add_lessons([a_lesson(n, text=f"number {n}" if n else AWKWARD, sources=()) for n in range(AT_ONCE + 2)])
    store.use_embedder(letters)
    assert ids(store, AWKWARD)
    assert ids(store, "") == []
    assert len(letters.asked) == AT_ONCE + 3
    assert all(text.isprintable() or text.encode() for text in letters.asked)
