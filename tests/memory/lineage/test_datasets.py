"""Exported data sets are recorded with what their rows were made from, once, and completely or not at all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reflexa.errors import UsageError
from reflexa.memory.lineage.datasets import ROWS_AT_ONCE, AttemptKey
from reflexa.memory.store import Store
from reflexa.rows import DatasetRecord, Lineage, Source
from tests.memory.support import AWKWARD, CONFIG, an_episode, record


def a_dataset(name: str = "d1", created: float = 1.5) -> DatasetRecord:
    return DatasetRecord(
        id=name,
        kind="preferences",
        format="trl",
        hash="00ff",
        rows=1,
        config={"split": "train", "odd": AWKWARD},
        counts={"attempts": 2, AWKWARD: 1},
        path="pairs.jsonl",
        created=created,
    )


def lineage(run: str, *attempts: int) -> Lineage:
    sources = tuple(
        Source(run=run, task="Sums/0", attempt=index, verifier="v", verifier_version="1", score=1.0, policy="p")
        for index in attempts
    )
    return Lineage(suite="sums", split="train", oracle=False, sources=sources)


@pytest.fixture
def run(store: Store) -> str:
    run = store.create_run(CONFIG).id
    record(store, run, an_episode())
    return run


def test_a_data_set_comes_back_as_it_was_recorded(store: Store, run: str) -> None:
    store.record_dataset(a_dataset(), [lineage(run, 1, 0)])
    store.record_dataset(a_dataset("d2", created=2.5), [])
    assert store.list_datasets() == [a_dataset("d2", created=2.5), a_dataset()]
    assert store.list_datasets(1) == [a_dataset("d2", created=2.5)]
    assert store.find_dataset("d1") == a_dataset()
    with pytest.raises(UsageError, match="unknown data set 'd3': did you mean d"):
        store.find_dataset("d3")


def test_rows_and_attempts_lead_to_each_other(store: Store, run: str) -> None:
    store.record_dataset(a_dataset(), [lineage(run, 1, 0), lineage(run, 1)])
    assert store.sources_of_row("d1", 0) == [AttemptKey(run, "Sums/0", 1), AttemptKey(run, "Sums/0", 0)]
    assert store.sources_of_row("d1", 1) == [AttemptKey(run, "Sums/0", 1)]
    assert store.sources_of_row("d1", 2) == []
    assert store.rows_from_attempt(AttemptKey(run, "Sums/0", 1)) == [("d1", 0), ("d1", 1)]
    assert store.rows_from_attempt(AttemptKey(run, "Sums/0", 0)) == [("d1", 0)]


def test_recording_it_again_changes_nothing(store: Store, run: str) -> None:
    for _ in range(2):
        store.record_dataset(a_dataset(), [lineage(run, 1, 0)])
    assert store.list_datasets() == [a_dataset()]
    assert len(store.sources_of_row("d1", 0)) == 2


def test_one_that_was_broken_off_is_unknown_until_it_is_recorded_again(store: Store, run: str) -> None:
    def broken() -> Iterator[Lineage]:
        yield from [lineage(run, 1)] * (ROWS_AT_ONCE + 1)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.record_dataset(a_dataset(), broken())
    assert store.list_datasets() == []
    assert store.rows_from_attempt(AttemptKey(run, "Sums/0", 1)) == []
    store.record_dataset(a_dataset(), [lineage(run, 1)] * (ROWS_AT_ONCE + 2))
    assert store.list_datasets() == [a_dataset()]
    assert len(store.rows_from_attempt(AttemptKey(run, "Sums/0", 1))) == ROWS_AT_ONCE + 2
