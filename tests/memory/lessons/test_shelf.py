from __future__ import annotations

import pytest

from reflexa.memory.lessons.shelf import Shelf
from reflexa.memory.store import Store
from tests.memory.lesson_support import a_lesson
from tests.memory.support import CONFIG


def test_a_store_is_a_shelf_and_a_shelf_alone_is_none() -> None:
    assert issubclass(Store, Shelf)
    with pytest.raises(TypeError, match="abstract"):
        Shelf(None)  # type: ignore[abstract, arg-type]  # that it cannot be made is the point


def test_lessons_outlive_the_process_and_the_runs_are_theirs_alone(url: str) -> None:
    with Store.open(url) as store:
        run = store.create_run(CONFIG)
        store.add_lessons([a_lesson(0)])
        store.record_lesson_uses(run.id, "Sums/0", ["l0000"], [])
    with Store.open(url) as store:
        assert store.lessons() == [a_lesson(0)]
        assert store.lessons_of(run.id, "Sums/0") == ["l0000"]
        assert store.lessons_of("another", "Sums/0") == []
