"""Training runs in both databases: recorded again they are replaced, never doubled."""

from __future__ import annotations

import pytest

from reflexa.errors import UsageError
from reflexa.memory import Store
from reflexa.rows import CheckpointPoint, TrainingRecord

RECORD = TrainingRecord(id="t1", algorithm="dpo", model="base", config={"seed": 1}, datasets=("d1", "d2"), created=10.0)


def test_a_run_is_found_as_it_last_was(store: Store) -> None:
    store.record_training(RECORD)
    ended = RECORD.model_copy(
        update={"status": "finished", "finished": 12.5, "checkpoint": "runs/a/model", "loss": 0.25}
    )
    store.record_training(ended)
    assert store.find_training("t1") == ended
    assert store.list_trainings() == [ended]


def test_newest_come_first(store: Store) -> None:
    for number in range(3):
        store.record_training(RECORD.model_copy(update={"id": f"t{number}", "created": float(number)}))
    assert [each.id for each in store.list_trainings(2)] == ["t2", "t1"]


def test_steps_that_are_done_again_replace_what_they_said(store: Store) -> None:
    store.record_training(RECORD)
    store.record_training_steps("t1", {1: {"loss": 2.0}, 2: {"loss": 1.5}})
    store.record_training_steps("t1", {2: {"loss": 1.4}, 3: {"loss": float("inf")}})
    assert [step["loss"] for step in store.training_steps("t1")] == [2.0, 1.4, float("inf")]


def test_an_unknown_run_is_named_with_near_matches(store: Store) -> None:
    store.record_training(RECORD.model_copy(update={"id": "tabc"}))
    with pytest.raises(UsageError, match="unknown training run 'tabd': did you mean tabc"):
        store.find_training("tabd")


def test_a_checkpoint_that_is_measured_again_replaces_what_was_known(store: Store) -> None:
    store.record_training(RECORD)
    start = CheckpointPoint(step=0, path="base", kl=0.0, proxy=0.1)
    first = CheckpointPoint(step=5, path="runs/a/step-5", kl=1.5, proxy=0.4)
    measured = first.model_copy(update={"true": 0.5, "n": 2, "rewards": (0.0, 1.0)})
    store.record_points("t1", [first, start])
    store.record_points("t1", [measured])
    store.record_points("t1", [])
    assert store.points_of("t1") == [start, measured]
    assert store.points_of("t2") == []
