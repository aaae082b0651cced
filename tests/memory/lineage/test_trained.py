"""Trained models, the newest first, each with what it came from."""

from __future__ import annotations

from pathlib import Path

from reflexa.memory.store import Store
from tests.memory.growing import History


def test_each_is_told_with_the_trainings_and_the_model_it_came_from(store: Store, tmp_path: Path) -> None:
    history = History(store, tmp_path)
    (tmp_path / "t1" / "model").mkdir(parents=True)
    history.store.ancestry.retract("d2")
    ninth, second, first = store.ancestry.models()
    assert [ninth.training, second.training, first.training] == ["t9", "t2", "t1"]
    assert second.ancestry == ("t2", "t1", "base")
    assert (first.there, second.there) == (True, False)
    assert second.retracted == "grew from data set d2, which is retracted"
    assert (first.retracted, ninth.retracted) == (None, None)
    assert [each.training for each in store.ancestry.models(1)] == ["t9"]


def test_a_training_that_has_made_nothing_is_no_model(store: Store, tmp_path: Path) -> None:
    history = History(store, tmp_path)
    store.record_training(history.store.find_training("t9").model_copy(update={"id": "t10", "checkpoint": None}))
    assert "t10" not in {each.training for each in store.ancestry.models()}
