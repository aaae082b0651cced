from __future__ import annotations

from reflexa.memory.stats import LessonCount
from reflexa.memory.store import Store
from tests.memory.lesson_support import a_lesson
from tests.memory.support import CONFIG, an_episode, record


def test_everything_is_counted(store: Store) -> None:
    empty = store.stats()
    assert set(empty.rows.values()) == {0}
    assert (empty.lessons, empty.vectors) == ((), {})
    run = store.create_run(CONFIG)
    record(store, run.id, an_episode())
    store.add_lessons([a_lesson(0), a_lesson(1), a_lesson(2, suite="other", status="quarantined", trust="imported")])
    store.change_lesson(a_lesson(0, text="changed"))
    store.record_lesson_uses(run.id, "Sums/0", ["l0000"], ["l0001"])
    found = store.stats()
    assert found.rows == {
        "runs": 1,
        "episodes": 1,
        "attempts": 2,
        "reflections": 1,
        "calls": 0,
        "bodies": found.rows["bodies"],
        "lesson_uses": 2,
        "lesson_versions": 1,
    }
    assert found.lessons == (
        LessonCount(suite="other", status="quarantined", trust="imported", n=1),
        LessonCount(suite="sums", status="active", trust="own", n=2),
    )
    assert found.bytes > 10_000
