"""AI preferences in both databases: one label for each pair, judge and constitution."""

from __future__ import annotations

import pytest

from reflexa.errors import StoreError
from reflexa.memory import Store
from reflexa.memory.lineage.comparisons import makes
from reflexa.rows import Comparison, PrincipleLabel
from tests.memory.support import CONFIG, an_episode, record


def a_label(run: str, task: str, **changes: object) -> Comparison:
    label = Comparison(
        run=run,
        task=task,
        a=0,
        b=1,
        by="pairwise:brief",
        version="1",
        judge="scripted",
        probability=0.75,
        consistency=1.0,
        principles=(PrincipleLabel(principle="brief", probability=0.75, agrees=True),),
        created=5.0,
    )
    return label.model_copy(update=changes)


def test_labels_come_back_as_they_were_recorded_and_the_newer_one_counts(store: Store) -> None:
    run = store.create_run(CONFIG).id
    episode = an_episode()
    record(store, run, episode)
    first = a_label(run, episode.task.id)
    other = a_label(run, episode.task.id, by="pairwise:kind", probability=0.25)
    store.record_comparison(first)
    store.record_comparison(other)
    changed = first.model_copy(update={"probability": 0.5, "created": 9.0})
    store.record_comparison(changed)
    assert store.comparisons(run) == store.comparisons(run, episode.task.id) == [changed, other]
    assert store.comparisons(run, "another task") == store.comparisons("another run") == []


def test_a_label_of_no_recorded_attempt_is_refused(store: Store) -> None:
    run = store.create_run(CONFIG).id
    with pytest.raises(StoreError):
        store.record_comparison(a_label(run, "nowhere"))


def test_whose_labels_a_data_set_was_ordered_by() -> None:
    assert makes("pairwise:x", "all")
    assert makes("pairwise:x", "pairwise:x")
    assert not makes("pairwise:x", "pairwise:y")
    assert not makes("pairwise:x", None)
