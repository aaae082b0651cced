"""A training's figures in TensorBoard's files; trackers that are not there are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from reflexa.cli.training.tracking import tracked
from reflexa.errors import UsageError
from reflexa.training.engine.metrics import StepReport


def report(step: int, loss: float) -> StepReport:
    return StepReport(
        step=step,
        steps=2,
        epoch=1.0,
        loss=loss,
        metrics={"nll": loss},
        norm=1.0,
        learning_rate=0.1,
        tokens=8,
        tokens_per_second=4.0,
        seconds_left=0.0,
    )


def test_tensorboard_reads_what_was_tracked(tmp_path: Path) -> None:
    with tracked("tensorboard", "t1", {}, tmp_path) as tracker:
        tracker(report(1, 2.0))
        tracker(report(2, 1.5))
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(tmp_path / "tensorboard"))
    read.Reload()
    events = read.Tensors("loss") if "loss" in read.Tags()["tensors"] else read.Scalars("loss")
    assert [event.step for event in events] == [1, 2]


def test_a_tracker_that_is_not_known_or_not_installed_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(UsageError, match="unknown tracker 'tensorbord': did you mean tensorboard"),
        tracked("tensorbord", "t1", {}, tmp_path),
    ):
        pass
    with pytest.raises(UsageError, match="pip install wandb"), tracked("wandb", "t1", {}, tmp_path):
        pass


def test_nothing_is_tracked_unasked(tmp_path: Path) -> None:
    with tracked(None, "t1", {}, tmp_path) as tracker:
        tracker(report(1, 2.0))
    assert list(tmp_path.iterdir()) == []
