"""A circle with a tiny real model: its steps, its ledger, its guards, and how it goes on after it was stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from reflexa.errors import UsageError
from reflexa.improve import Suites
from tests.improve.tiny import Home, StoppedHere, ledger, suite


@pytest.fixture
def home(folder: Path) -> Home:
    return Home(folder)


def test_every_round_is_in_the_ledger_with_what_it_was_made_from(home: Home) -> None:
    done = home.circle().run(ledger(home.folder, home.model))
    assert done == home.known()
    assert (done.status, len(done.rounds)) == ("finished", 2)
    first = done.rounds[0]
    assert home.store.find_dataset(str(first.dataset)).rows == first.rows
    assert home.store.find_training(str(first.training)).checkpoint == first.checkpoint
    assert home.store.find_training(str(first.training)).datasets == (first.dataset,)
    assert home.store.find_run(str(first.held_out_run)).config.model == first.checkpoint
    assert {episode.task.split for episode in home.store.episodes(str(first.grow_run))} == {"train"}
    assert first.p is not None
    assert done.champion == (first.checkpoint if first.promoted else str(home.model))


@pytest.mark.parametrize("stop_at", [2, 5, 6, 7, 8, 9, 11, 13])
def test_a_circle_that_was_killed_goes_on_where_it_was_and_doubles_nothing(home: Home, stop_at: int) -> None:
    with pytest.raises(StoppedHere):
        home.circle(stop_at).run(ledger(home.folder, home.model, rounds=1))
    made = {run.id for run in home.store.list_runs()}
    (training,) = home.store.list_trainings() or (None,)
    done = home.circle().run(home.known())
    assert done.status == "finished"
    assert len(done.rounds) == 1
    names = {run.name: run.id for run in home.store.list_runs()}
    assert sorted(str(name) for name in names) == ["i1-1-grow", "i1-1-held-out", "i1-1-rival", "i1-before"]
    assert made <= set(names.values())
    assert (done.base_run, done.rounds[0].grow_run) == (names["i1-before"], names["i1-1-grow"])
    assert len(home.store.list_datasets()) == 1
    assert len(home.store.list_trainings()) == 1
    assert training is None or home.store.find_training("i1-1").created == training.created
    assert done.rounds[0].costs.learnt > 0


def test_held_out_tasks_that_are_learnt_from_too_are_refused(home: Home) -> None:
    circle = home.circle()
    circle.suites = Suites(suite("train", 4, "same"), suite("test", 4, "same"))
    with pytest.raises(UsageError, match="4 held-out tasks of letters are in the training split too"):
        circle.run(ledger(home.folder, home.model))
    assert home.store.list_runs() == []


def test_nothing_is_built_on_a_model_that_was_retracted(home: Home) -> None:
    done = home.circle().run(ledger(home.folder, home.model, rounds=1))
    home.store.ancestry.retract(str(done.rounds[0].training), "it was poisoned")
    spoilt = ledger(home.folder, Path(str(done.rounds[0].checkpoint)), rounds=1).model_copy(update={"id": "i2"})
    with pytest.raises(UsageError, match="retracted: it was poisoned: nothing is built on it"):
        home.circle().run(spoilt)
    assert len(home.store.list_runs()) == 4
