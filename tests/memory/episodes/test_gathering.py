"""Attempts by task over many runs: complete, in order, a piece at a time."""

from __future__ import annotations

from reflexa.memory.episodes.gathering import TASKS_AT_ONCE, Selection, TaskAttempts
from reflexa.memory.store import Store
from reflexa.types import Episode, RunConfig
from tests.memory.support import CONFIG, a_task, a_verdict, an_attempt, an_episode, record


def gathered(store: Store, selection: Selection | None = None) -> list[tuple[str, list[str]]]:
    """The tasks and their runs."""
    found = list(store.gather(selection or Selection()))
    assert store.count_tasks(selection or Selection()) == len(found)
    return [(each.task.id, [run for run, _ in each.episodes]) for each in found]


def in_runs(store: Store, *episodes: list[Episode]) -> list[str]:
    """Runs with these episodes each, the oldest first."""
    ids = []
    for of_run in episodes:
        run = store.create_run(CONFIG).id
        for episode in of_run:
            record(store, run, episode)
        ids.append(run)
    return ids


def test_a_task_comes_with_its_episodes_of_all_runs(store: Store) -> None:
    first, second = in_runs(store, [an_episode("b"), an_episode("a")], [an_episode("b", attempts=3)])
    assert gathered(store) == [("a", [first]), ("b", [first, second])]
    found = list(store.gather(Selection()))
    assert found[1] == TaskAttempts(a_task("b"), ((first, an_episode("b")), (second, an_episode("b", attempts=3))))


def test_runs_suites_and_splits_choose(store: Store) -> None:
    other = an_episode("a").model_copy(update={"task": a_task("a").model_copy(update={"suite": "other"})})
    held = an_episode("c").model_copy(update={"task": a_task("c").model_copy(update={"split": "test"})})
    first, second = in_runs(store, [an_episode("a"), held], [other])
    assert gathered(store, Selection(runs=(second,))) == [("a", [second])]
    assert gathered(store, Selection(suite="sums")) == [("a", [first]), ("c", [first])]
    assert gathered(store, Selection(suite="sums", split="train")) == [("a", [first])]
    assert gathered(store, Selection(runs=("none",))) == []


def test_a_task_whose_content_changed_comes_once_per_content(store: Store) -> None:
    changed = an_episode("a").model_copy(update={"task": a_task("a").model_copy(update={"metadata": {}})})
    first, second = in_runs(store, [an_episode("a")], [changed])
    assert sorted(gathered(store)) == sorted([("a", [first]), ("a", [second])])


def test_an_episode_that_has_not_ended_is_left_out(store: Store) -> None:
    (run,) = in_runs(store, [an_episode("a")])
    store.begin_episode(run, a_task("b"))
    store.record_attempt(run, "b", an_attempt())
    store.record_verdict(run, "b", 0, "judge", a_verdict())
    assert gathered(store) == [("a", [run])]


def test_tasks_are_read_a_page_at_a_time(store: Store) -> None:
    """What is recorded behind the first page while it is read still comes."""
    run = store.create_run(RunConfig(suite="sums", model="x")).id
    for number in range(TASKS_AT_ONCE + 1):
        _bare(store, run, f"{number:04d}")
    reading = store.gather(Selection())
    first = next(reading)
    _bare(store, run, "9999")
    rest = [each.task.id for each in reading]
    assert first.task.id == "0000"
    assert rest == [f"{number:04d}" for number in range(1, TASKS_AT_ONCE + 1)] + ["9999"]


def test_every_task_of_a_split_is_listed(store: Store) -> None:
    run = store.create_run(CONFIG).id
    tasks = {name: a_task(name).model_copy(update={"split": name[:5]}) for name in ("test 1", "test 2", "train")}
    for task in tasks.values():
        store.begin_episode(run, task)
    assert {task.id for task in store.tasks("train")} == {"train"}
    assert sorted(task.id for task in store.tasks("test ")) == ["test 1", "test 2"]


def _bare(store: Store, run: str, name: str) -> None:
    task = a_task(name)
    store.begin_episode(run, task)
    store.end_episode(run, Episode(task=task, strategy="none"))
