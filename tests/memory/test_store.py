"""The store as its users see it, the same on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading

import pytest

from reflexa.errors import StoreError
from reflexa.memory.store import Store
from reflexa.protocols import Memory
from reflexa.types import Attempt, Episode, Graded, RunConfig, Usage, Verdict
from tests.memory.support import (
    CONFIG,
    a_call,
    a_reflection,
    a_task,
    a_verdict,
    an_attempt,
    an_episode,
    record,
)


def test_an_episode_recorded_piece_by_piece_comes_back_equal(store: Store) -> None:
    run = store.create_run(CONFIG)
    record(store, run.id, an_episode())
    assert list(store.episodes(run.id)) == [an_episode()]
    assert store.progress(run.id, "Sums/0") == an_episode()


def test_an_empty_episode_comes_back_equal(store: Store) -> None:
    run = store.create_run(CONFIG)
    episode = Episode(task=a_task(), strategy="none", tries=(Graded(attempt=Attempt()),), error="boom")
    record(store, run.id, episode)
    assert list(store.episodes(run.id)) == [episode]


def test_recording_everything_twice_changes_nothing(store: Store) -> None:
    run = store.create_run(CONFIG)
    for _ in range(2):
        record(store, run.id, an_episode())
        store.record_call(run.id, a_call())
    assert list(store.episodes(run.id)) == [an_episode()]
    assert list(store.calls(run.id)) == [a_call()]
    assert len(store.reflections()) == 1


def test_what_was_recorded_first_stays(store: Store) -> None:
    run = store.create_run(CONFIG)
    record(store, run.id, an_episode())
    store.record_attempt(run.id, "Sums/0", an_attempt(0).model_copy(update={"answer": "another"}))
    store.record_verdict(run.id, "Sums/0", 0, "judge", a_verdict(passed=True))
    assert list(store.episodes(run.id)) == [an_episode()]


def test_an_unfinished_episode_shows_its_pieces_and_what_its_calls_cost(store: Store) -> None:
    run = store.create_run(CONFIG)
    assert store.progress(run.id, "Sums/0") is None
    store.begin_episode(run.id, a_task())
    store.record_call(run.id, a_call())
    store.record_call(run.id, a_call(sample=1))
    store.record_attempt(run.id, "Sums/0", an_attempt())
    progress = store.progress(run.id, "Sums/0")
    assert progress is not None
    assert progress.tries == (Graded(attempt=an_attempt()),)
    assert progress.strategy == "reflexion"
    assert (progress.calls, progress.seconds) == (2, 1.0)
    assert progress.usage == Usage(input_tokens=200, output_tokens=20, cost_usd=0.002)
    assert list(store.episodes(run.id)) == []
    assert store.finished(run.id) == set()


def test_an_episode_that_broke_is_not_finished_and_begins_anew(store: Store) -> None:
    run = store.create_run(CONFIG)
    broken = an_episode().model_copy(update={"error": "the verifier broke", "stop_reason": "error"})
    record(store, run.id, broken)
    assert store.finished(run.id) == set()
    assert list(store.episodes(run.id)) == [broken]
    store.begin_episode(run.id, a_task())
    assert list(store.episodes(run.id)) == []
    store.end_episode(run.id, an_episode())
    assert store.finished(run.id) == {"Sums/0"}
    assert list(store.episodes(run.id)) == [an_episode()]


def test_an_ended_episode_does_not_begin_anew(store: Store) -> None:
    run = store.create_run(CONFIG)
    record(store, run.id, an_episode())
    store.begin_episode(run.id, a_task())
    assert store.finished(run.id) == {"Sums/0"}


def test_episodes_come_in_the_order_of_the_configuration(store: Store) -> None:
    run = store.create_run(RunConfig(suite="sums", model="m", task_ids=("b", "c", "a")))
    for name in ("a", "b", "c"):
        record(store, run.id, an_episode(name, attempts=1))
    assert [episode.task.id for episode in store.episodes(run.id)] == ["b", "c", "a"]


def test_without_a_configured_order_episodes_come_as_people_count(store: Store) -> None:
    run = store.create_run(CONFIG)
    for number in (10, 2, 33, 1):
        record(store, run.id, an_episode(f"Sums/{number}", attempts=1))
    assert [episode.task.id for episode in store.episodes(run.id)] == ["Sums/1", "Sums/2", "Sums/10", "Sums/33"]
    assert [episode.task.id for episode in store.episodes(run.id, task_id="Sums/2")] == ["Sums/2"]


def test_many_episodes_and_calls_stream_over_pages(store: Store) -> None:
    run = store.create_run(CONFIG)
    for number in range(70):
        store.begin_episode(run.id, a_task(f"Sums/{number}"))
        store.end_episode(run.id, an_episode(f"Sums/{number}", attempts=1))
        store.record_call(run.id, a_call(f"Sums/{number}"))
    assert [episode.task.id for episode in store.episodes(run.id)] == [f"Sums/{number}" for number in range(70)]
    assert [call.context.task_id for call in store.calls(run.id)] == [f"Sums/{number}" for number in range(70)]


def test_a_call_is_found_by_its_context_alone(store: Store) -> None:
    run, other = store.create_run(CONFIG), store.create_run(CONFIG)
    store.record_call(run.id, a_call(attempt=1))
    store.record_call(run.id, a_call(attempt=1, sample=1))
    assert store.call(run.id, a_call(attempt=1).context) == a_call(attempt=1)
    assert store.call(run.id, a_call(attempt=2).context) is None
    assert store.call(other.id, a_call(attempt=1).context) is None
    assert [call.context.sample for call in store.calls(run.id, "Sums/0")] == [0, 1]
    assert list(store.calls(run.id, "Sums/1")) == []


def test_reflections_are_chosen_by_run_task_and_suite_newest_first(store: Store) -> None:
    run, other = store.create_run(CONFIG), store.create_run(CONFIG)
    record(store, run.id, an_episode("a", attempts=3))
    record(store, other.id, an_episode("b"))
    assert [found.id for found in store.reflections()] == ["b.0", "a.1", "a.0"]
    assert [found.id for found in store.reflections(limit=1)] == ["b.0"]
    assert store.reflections(run_id=other.id) == [a_reflection(0, "b")]
    assert store.reflections(task_id="b") == [a_reflection(0, "b")]
    assert len(store.reflections(suite="sums")) == 3
    assert store.reflections(suite="products") == []


def test_a_reflection_goes_with_its_own_task_only(store: Store) -> None:
    run = store.create_run(CONFIG)
    record(store, run.id, an_episode("a", attempts=1))
    with pytest.raises(StoreError, match="is about task 'b' but was to be recorded with task 'a'"):
        store.record_reflection(run.id, "a", a_reflection(0, "b"))


def test_a_verdict_without_its_attempt_is_refused(store: Store) -> None:
    run = store.create_run(CONFIG)
    store.begin_episode(run.id, a_task())
    with pytest.raises(StoreError, match="refused"):
        store.record_verdict(run.id, "Sums/0", 0, "judge", Verdict(score=0, passed=False))


def test_the_store_is_a_memory(store: Store) -> None:
    assert isinstance(store, Memory)
    store.remember(an_episode("a", attempts=4))
    store.remember(an_episode("b"))
    store.remember(an_episode("a", attempts=2))
    assert [lesson.id for lesson in store.recall(a_task("a"), 3)] == ["a.1", "a.2", "a.0"]
    assert store.recall(a_task("never seen"), 3) == []
    assert store.recall(a_task("a").model_copy(update={"suite": "other"}), 3) == []


def test_remembered_episodes_are_gathered_in_runs_of_one_configuration(store: Store) -> None:
    store.remember(an_episode("a"))
    store.remember(an_episode("b"))
    (run,) = store.list_runs()
    assert (run.config.suite, run.config.split, run.config.model) == ("sums", "train", "scripted:x")
    assert list(store.episodes(run.id)) == [an_episode("a"), an_episode("b")]
    store.remember(an_episode("a", attempts=1))
    assert len(store.list_runs()) == 2


def test_64_threads_record_at_once(store: Store) -> None:
    run = store.create_run(CONFIG)
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            record(store, run.id, an_episode(f"Sums/{number}"))
            assert store.progress(run.id, f"Sums/{number}") == an_episode(f"Sums/{number}")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert list(store.episodes(run.id)) == [an_episode(f"Sums/{number}") for number in range(64)]


def test_two_stores_on_one_database_see_each_other(store: Store, url: str) -> None:
    run = store.create_run(CONFIG)
    with Store.open(url) as second:
        record(second, run.id, an_episode())
    assert list(store.episodes(run.id)) == [an_episode()]
