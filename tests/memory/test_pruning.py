"""What is pruned is what was named and nothing that something else refers to."""

from __future__ import annotations

import time
from typing import Any

import pytest

from reflexa.errors import StoreError
from reflexa.lessons import Lesson
from reflexa.memory.pruning import Pruned, PruneKind
from reflexa.memory.store import Store
from tests.memory.lesson_support import a_lesson
from tests.memory.support import CONFIG, a_call, a_task, an_episode, record

DAY = 86_400.0


def a_run(store: Store, *, status: Any = "finished") -> str:
    """A run with an episode and its calls; the last call's text stands in no attempt."""
    run = store.create_run(CONFIG)
    record(store, run.id, an_episode())
    for attempt in range(3):
        store.record_call(run.id, a_call(attempt=attempt))
    if status != "running":
        store.end_run(run.id, status)
    return run.id


def pruned(store: Store, kind: PruneKind, older: float = 0.0, *, dry_run: bool = False) -> int:
    (found,) = store.prune([kind], older, dry_run=dry_run)
    assert found.kind == kind
    return found.rows


def left(store: Store) -> list[str]:
    return sorted(lesson.id for lesson in store.lessons())


def test_lessons_that_were_never_offered(store: Store) -> None:
    used, unused, into, merged, young = (a_lesson(number) for number in range(5))
    merged = merged.model_copy(update={"status": "merged", "successor": into.id})
    young = young.model_copy(update={"created": time.time()})
    store.add_lessons([used, unused, into, merged, young])
    store.change_lesson(unused.model_copy(update={"text": "changed"}))
    store.record_lesson_uses(a_run(store), "Sums/0", [], [used.id])
    (would,) = store.prune(["unused"], DAY, dry_run=True)
    assert would == Pruned("unused", 1, len("changed"))
    assert len(left(store)) == 5
    assert pruned(store, "unused", DAY) == 1
    assert left(store) == sorted([used.id, into.id, merged.id, young.id])
    assert store.lesson_versions(unused.id) == []
    assert pruned(store, "unused", DAY) == 0


def test_lessons_that_were_dropped_but_for_those_that_an_episode_was_shown(store: Store) -> None:
    changes: list[dict[str, Any]] = [{"status": status} for status in ("dropped", "merged", "retracted", "active")]
    lessons: list[Lesson] = [a_lesson(number, **change) for number, change in enumerate(changes)]
    shown = a_lesson(9, status="dropped")
    store.add_lessons([*lessons, shown])
    store.record_lesson_uses(a_run(store), "Sums/0", [shown.id], [])
    assert pruned(store, "dropped") == 2
    assert left(store) == ["l0002", "l0003", "l0009"]


def test_a_retracted_lesson_stays(store: Store) -> None:
    store.add_lessons([a_lesson(0), a_lesson(1)])
    store.ancestry.retract("l0001", "it is wrong")
    assert pruned(store, "unused") == 1
    assert left(store) == ["l0001"]


def test_calls_of_runs_that_finished_and_the_texts_that_they_alone_named(store: Store) -> None:
    episodes = {}
    for status in ("finished", "running", "interrupted"):
        run_id = a_run(store, status=status)
        episodes[run_id] = list(store.episodes(run_id))
    _, running, interrupted = episodes
    assert pruned(store, "calls", DAY) == 0
    assert pruned(store, "calls", dry_run=True) == 3
    assert pruned(store, "calls") == 3
    assert pruned(store, "texts") == 0
    assert [len(list(store.calls(run_id))) for run_id in episodes] == [0, 3, 3]
    store.end_run(running, "finished")
    store.end_run(interrupted, "finished")
    would, texts = store.prune(["texts", "calls"], 0.0, dry_run=True)
    assert (would.kind, would.rows, texts.rows) == ("calls", 6, 0)
    calls, texts = store.prune(["texts", "calls"], 0.0, dry_run=False)
    assert (calls.rows, texts.kind) == (6, "texts")
    assert texts.rows > 0
    assert texts.bytes > 0
    assert {run_id: list(store.episodes(run_id)) for run_id in episodes} == episodes
    assert pruned(store, "texts") == 0


def test_nothing_is_pruned_of_texts_while_a_run_is_under_way(store: Store) -> None:
    run_id = a_run(store, status="running")
    store.begin_episode(run_id, a_task("Sums/1"))
    with store.claim(run_id):
        for kind in ("calls", "texts"):
            with pytest.raises(StoreError, match=f"run {run_id} is under way: wait for it or stop it"):
                store.prune([kind], 0.0, dry_run=False)
        assert pruned(store, "texts", dry_run=True) == 0
    assert pruned(store, "texts") == 0
