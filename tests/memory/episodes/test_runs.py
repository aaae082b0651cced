from __future__ import annotations

import time

import pytest
from sqlalchemy import update

from reflexa.errors import StoreError, UsageError
from reflexa.memory.database import Database
from reflexa.memory.episodes.runs import RunMark, new_id
from reflexa.memory.episodes.schema import runs
from reflexa.memory.store import Store
from reflexa.types import RunConfig
from tests.memory.support import AWKWARD, CONFIG


def test_a_run_comes_back_equal(store: Store) -> None:
    config = RunConfig(suite=AWKWARD, model="m", task_ids=("a", "b"), temperature=0.1)
    base = store.create_run(CONFIG)
    run = store.create_run(
        config, name=f"mine {AWKWARD}", baseline_of=base.id, packages={"litellm": "1.106.2"}, code_version="abc"
    )
    assert store.find_run(run.id) == run
    assert (run.config, run.status, run.finished) == (config, "running", None)


def test_runs_are_listed_newest_first(store: Store) -> None:
    made = [store.create_run(CONFIG) for _ in range(4)]
    assert store.list_runs() == made[::-1]
    assert store.list_runs(limit=2) == made[:1:-1]


def test_runs_in_brief_are_listed_oldest_first(store: Store) -> None:
    first = store.create_run(CONFIG)
    second = store.create_run(RunConfig(suite=AWKWARD, split="train", model="m", feedback="oracle"))
    assert store.run_marks() == [
        RunMark(first.id, "sums", "test", oracle=False),
        RunMark(second.id, AWKWARD, "train", oracle=True),
    ]


def test_a_run_is_found_by_id_name_or_the_start_of_its_id(store: Store) -> None:
    run = store.create_run(CONFIG, name="first try")
    for ref in (run.id, run.id[:4], "first try"):
        assert store.find_run(ref) == run


def test_an_exact_name_beats_the_start_of_an_id(store: Store) -> None:
    run = store.create_run(CONFIG)
    named = store.create_run(CONFIG, name=run.id[:3])
    assert store.find_run(run.id[:3]) == named


def test_an_ambiguous_start_names_the_candidates(store: Store) -> None:
    first, second = store.create_run(CONFIG, name="one"), store.create_run(CONFIG)
    with pytest.raises(UsageError, match=r"is ambiguous: it begins .*: give more letters") as error:
        store.find_run(first.id[:2])
    assert f"{first.id} (one)" in str(error.value)
    assert second.id in str(error.value)


@pytest.mark.parametrize("ref", ["baselin", "", "%", "_"])
def test_an_unknown_run_names_near_ones(store: Store, ref: str) -> None:
    store.create_run(CONFIG, name="baseline")
    with pytest.raises(UsageError, match=r"unknown run .*baseline"):
        store.find_run(ref)


def test_an_unknown_run_in_an_empty_database(store: Store) -> None:
    with pytest.raises(UsageError, match="unknown run 'x': known: none"):
        store.find_run("x")


def test_a_name_belongs_to_one_run(store: Store) -> None:
    run = store.create_run(CONFIG, name="mine")
    with pytest.raises(UsageError, match=f"'mine' belongs to run {run.id}: choose another, or resume that run"):
        store.create_run(CONFIG, name="mine")
    assert store.list_runs() == [run]


def test_a_run_ends_and_may_be_resumed(store: Store) -> None:
    run = store.create_run(CONFIG)
    before = time.time()
    store.end_run(run.id, "interrupted")
    ended = store.find_run(run.id)
    assert ended.status == "interrupted"
    assert ended.finished is not None
    assert before <= ended.finished <= time.time()
    store.end_run(run.id, "running")
    assert store.find_run(run.id) == run


def test_a_run_that_does_not_exist_cannot_end(store: Store) -> None:
    with pytest.raises(StoreError, match="no run 'nothing' to end"):
        store.end_run("nothing", "failed")


def test_ids_sort_by_day_and_are_easy_to_type() -> None:
    today = 1_795_000_000.0
    ids = [new_id(today + day * 86_400) for day in range(100)]
    assert ids == sorted(ids)
    assert all(len(name) == 8 and name.isalnum() and name == name.lower() for name in ids)
    assert len({new_id(today) for _ in range(1000)}) >= 998  # drawn from 33 million: three alike are a chance of 1e-6


def test_a_run_of_an_unknown_future_status_is_not_misread(store: Store, database: Database) -> None:
    run = store.create_run(CONFIG)
    database.write(lambda connection: connection.execute(update(runs).values(status="paused")))
    with pytest.raises(ValueError, match="status"):
        store.find_run(run.id)
