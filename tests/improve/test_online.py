"""A circle that learns while it samples: its training is recorded, gone on with, and measured like any other."""

from __future__ import annotations

from pathlib import Path

import pytest

from reflexa.improve import Ledger
from tests.improve.tiny import JUDGE, Home, StoppedHere, ledger

SETTINGS = {"steps": 2, "prompts": 2, "samples": 2, "batch_tokens": 256, "kl_every": 1, "checkpoints": {"every": 1}}


@pytest.fixture
def home(folder: Path) -> Home:
    return Home(folder)


def asked(home: Home, **changes: object) -> Ledger:
    plain = ledger(home.folder, home.model, rounds=1)
    config = plain.config.model_copy(update={"method": "rlvr", "train": SETTINGS} | changes)
    return plain.model_copy(update={"config": config})


def test_a_round_of_reinforcement_learning_is_recorded_and_measured(home: Home) -> None:
    done = home.circle().run(asked(home))
    (only,) = done.rounds
    training = home.store.find_training(str(only.training))
    assert (training.algorithm, training.status, training.datasets) == ("grpo", "finished", ())
    assert (training.config["oracle"], training.config["reward"]) == (True, JUDGE)
    assert training.checkpoint == only.checkpoint == str(home.folder / "out" / "round-1" / "model")
    assert (only.grow_run, only.dataset, only.rows) == (None, None, None)
    assert only.grown is not None
    assert only.costs.sampled > 0
    assert only.promoted is not None
    assert home.store.ancestry.story(str(only.checkpoint)).origins[0].facts[1].startswith("made ")


def test_a_verifier_of_choice_rewards_and_the_record_says_so(home: Home) -> None:
    done = home.circle().run(asked(home, reward="regex:z"))
    training = home.store.find_training(str(done.rounds[0].training))
    assert (training.config["oracle"], training.config["reward"]) == (False, "regex:z")
    assert home.store.find_run(str(done.rounds[0].held_out_run)).config.feedback == "regex:z"


def test_a_training_that_was_killed_goes_on_from_its_checkpoint(home: Home) -> None:
    with pytest.raises(StoppedHere):
        home.circle(stop_at=5).run(asked(home))
    before = home.store.find_training("i1-1")
    assert home.known().rounds[0].checkpoint is None
    again = home.circle().run(home.known())
    assert again.rounds[0].checkpoint == before.checkpoint
    assert again.rounds[0].costs.sampled > 0
    assert home.store.find_training("i1-1").created == before.created
    assert again.status == "finished"
