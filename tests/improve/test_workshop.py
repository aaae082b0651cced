"""What the steps share: runs that go on, errors that are no score, a clock, and splits that share nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from reflexa.errors import UsageError
from reflexa.improve import CircleStoppedError, Suites, check_apart
from tests.improve.scripts import HELD_OUT, Play, solving, suite


def test_tasks_that_broke_are_no_score(folder: Path) -> None:
    play = Play(folder, solving(2), feedback=None)
    with pytest.raises(CircleStoppedError, match=r"16 tasks of run .* ended in errors, which is no score"):
        play.go(reward="visible-examples", rounds=1)  # the tasks show no examples
    assert play.known().base_run is not None
    assert play.known().base is None


def test_what_was_missing_is_brought_back_and_the_circle_goes_on_where_it_was(folder: Path) -> None:
    play = Play(folder, solving(1), solving(8))
    script = Path(play.models[1].removeprefix("scripted:"))
    whole = script.read_text()
    script.unlink()
    with pytest.raises(UsageError, match="cannot read the scripted answers"):
        play.go()
    stopped = play.known()
    script.write_text(whole)
    done = play.circle().run(stopped, play.method)
    assert (done.status, done.base_run) == ("finished", stopped.base_run)
    assert done.rounds[0].held_out_run == stopped.rounds[0].held_out_run
    assert done.rounds[0].held_out == pytest.approx(8 / HELD_OUT)


def test_the_clock_of_the_ledger_only_counts_work(folder: Path) -> None:
    play = Play(folder, solving(1), solving(1))
    ledger = play.ledger().model_copy(update={"seconds": 100.0})
    shop = play.circle()
    first = shop.saved(ledger)
    second = shop.saved(first)
    assert 100.0 <= first.seconds <= second.seconds
    assert play.circle().saved(second).seconds >= second.seconds


def test_splits_that_share_a_task_or_its_words_are_refused() -> None:
    train, held_out = suite("train", 2, None), suite("test", 2, None)
    check_apart(Suites(train, held_out))
    same_id = train.tasks[0].model_copy(update={"id": "test/0"})
    same_words = train.tasks[0].model_copy(update={"prompt": held_out.tasks[1].prompt})
    for task in (same_id, same_words):
        with pytest.raises(UsageError, match="1 held-out tasks of words are in the training split too"):
            check_apart(Suites(train.model_copy(update={"tasks": (task,)}), held_out))
