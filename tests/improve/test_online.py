"""A circle that learns while it samples: its training is recorded, gone on with, and measured like any other."""

from __future__ import annotations

from pathlib import Path

import pytest

from reflexa.agent import Bench
from reflexa.errors import UsageError
from reflexa.improve import Ledger, Suites, check_apart
from reflexa.improve.playing import played_prompts
from reflexa.rows import SFTRow
from reflexa.tasks import Suite, load_suite
from reflexa.training.api import train
from reflexa.training.config import TrainConfig
from tests.improve.tiny import JUDGE, Home, StoppedHere, ledger
from tests.support.tiny_models import make_checkpoint

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


def lakes(split: str, *maps: list[str]) -> Suite:
    """Lakes whose goal is one step below the start."""
    (drawn,) = load_suite("gymnasium:FrozenLake-v1,is_slippery=false,size=2,n=1", split=split).tasks
    assert drawn.play is not None
    plays = [
        drawn.play.model_copy(
            update={"parameters": {"id": "FrozenLake-v1", "options": {"is_slippery": False, "desc": rows}}}
        )
        for rows in maps
    ]
    tasks = tuple(drawn.model_copy(update={"id": f"{split}/{n}", "play": play}) for n, play in enumerate(plays))
    return Suite(name="lakes", split=split, tasks=tasks, digest=split, judge="goal", feedback="trajectory")


def walker(folder: Path, suite: Suite) -> Path:
    """A model that was taught to walk down."""
    with Bench() as bench:
        (prompt, *_) = played_prompts(bench, suite)
    assert not isinstance(prompt.prompt, str)
    rows = folder / "rows.jsonl"
    rows.write_text(SFTRow(prompt=list(prompt.prompt), completion="Action: down").model_dump_json() + "\n")
    settings = {"epochs": 24, "optimizer": {"learning_rate": 1e-2, "schedule": "constant"}}
    base = make_checkpoint(folder / "base", positions=2_000)
    output = folder / "walker"
    return train(
        TrainConfig.model_validate(
            {"algorithm": "sft", "model": str(base), "data": [rows], "output": output} | settings
        )
    ).model


def test_tasks_that_are_played_are_learnt_from_and_measured(folder: Path) -> None:
    pytest.importorskip("gymnasium", reason="needs gymnasium: scripts/reflexa setup gym")
    suites = Suites(lakes("train", ["SH", "GH"]), lakes("test", ["SF", "GF"], ["SF", "GH"]))
    home = Home(folder)
    home.model = walker(folder, suites.train)
    circle = home.circle()
    circle.suites = suites
    done = circle.run(asked(home, max_new_tokens=16, train=SETTINGS | {"steps": 1, "prompts": 1, "batch_tokens": 4096}))
    (only,) = done.rounds
    assert (done.base, only.held_out, only.promoted) == (1.0, 1.0, False)
    assert only.grown is not None
    assert only.grown > 0.5
    training = home.store.find_training(str(only.training))
    assert (training.config["reward"], training.config["oracle"]) == ("goal", True)
    (first, _) = home.store.episodes(str(only.held_out_run))
    assert [step.action for step in first.attempts[0].steps] == ["down"]


def test_worlds_that_are_learnt_from_are_not_held_out(folder: Path) -> None:
    pytest.importorskip("gymnasium", reason="needs gymnasium: scripts/reflexa setup gym")
    check_apart(Suites(lakes("train", ["SH", "GH"]), lakes("test", ["SF", "GF"])))
    with pytest.raises(UsageError, match="1 held-out tasks of lakes are in the training split too"):
        check_apart(Suites(lakes("train", ["SH", "GH"]), lakes("test", ["SF", "GF"], ["SH", "GH"])))
