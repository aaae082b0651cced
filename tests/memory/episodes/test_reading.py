from __future__ import annotations

import tracemalloc

import pytest

from reflexa.memory.episodes.reading import PAGE, Chosen, _natural
from reflexa.memory.store import Store
from reflexa.types import Message
from tests.memory.support import CONFIG, a_call, a_task, a_verdict, an_episode, record


@pytest.mark.parametrize(
    "names",
    [
        ["HumanEval/1", "HumanEval/2", "HumanEval/10"],
        ["", "1", "2", "10", "a", "b1", "b2", "b10", "é"],
        ["2024-1-9", "2024-1-10", "2024-12-1"],
    ],
)
def test_names_sort_as_people_count(names: list[str]) -> None:
    assert sorted(set(names), key=_natural) == names


def test_any_choice_may_be_left_open() -> None:
    assert Chosen() == Chosen(run_id=None, task_id=None, suite=None)


def test_calls_are_streamed_a_page_at_a_time(store: Store) -> None:
    """Memory holds a page of calls, not a run of them."""
    size = 50_000
    run = store.create_run(CONFIG)
    for index in range(4 * PAGE):
        prompt = (Message(role="user", content=f"{index}" + "x" * size),)
        store.record_call(run.id, a_call(attempt=index).model_copy(update={"messages": prompt}))
    tracemalloc.start()
    assert sum(1 for _ in store.calls(run.id)) == 4 * PAGE
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * PAGE * size


def test_an_iterator_left_in_the_middle_holds_nothing(store: Store) -> None:
    run = store.create_run(CONFIG)
    for number in range(3):
        record(store, run.id, an_episode(f"Sums/{number}", attempts=1))
    begun = [store.episodes(run.id) for _ in range(20)]  # more than there are connections
    assert all(next(episodes).task.id == "Sums/0" for episodes in begun)
    store.record_call(run.id, a_call())


def test_nothing_recorded_is_nothing_read(store: Store) -> None:
    assert list(store.episodes("nothing")) == []
    assert list(store.calls("nothing")) == []
    assert store.finished("nothing") == set()
    assert store.begun("nothing") == set()
    assert store.progress("nothing", "nothing") is None
    assert store.reflections(run_id="nothing") == []


def test_what_was_begun_is_known_before_it_has_ended(store: Store) -> None:
    run = store.create_run(CONFIG)
    store.begin_episode(run.id, an_episode("Sums/7", attempts=1).task)
    assert store.begun(run.id) == {"Sums/7"}
    assert store.finished(run.id) == set()


def test_a_runs_standing_counts_what_has_ended(store: Store) -> None:
    run = store.create_run(CONFIG)
    assert store.standing(run.id) == (0, 0, 0)
    record(store, run.id, an_episode("Sums/0"))
    failed = an_episode("Sums/1")
    unsolved = tuple(graded.model_copy(update={"judged": a_verdict()}) for graded in failed.tries)
    record(store, run.id, failed.model_copy(update={"tries": unsolved}))
    record(store, run.id, an_episode("Sums/2").model_copy(update={"error": "PolicyError: x"}))
    store.begin_episode(run.id, a_task("Sums/3"))
    assert store.standing(run.id) == (1, 1, 1)
