"""``reflexa train --select``: the chosen checkpoint, and no other, becomes the model that a training leaves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from reflexa.errors import UsageError
from reflexa.evaluation.checkpoints import Choice, choose_checkpoint
from reflexa.rows import CheckpointPoint

if TYPE_CHECKING:
    from reflexa.training.api import TrainResult
    from reflexa.training.config import CommonConfig, TrainConfig
Config = TypeVar("Config", bound="CommonConfig")

_CHECKPOINTS = 10
"""Checkpoints to choose among, where the run was not told how many to make."""


def with_checkpoints(config: Config, steps: int, *, keep_all: bool) -> Config:
    """The configuration with checkpoints to choose among; with ``keep_all`` none of them is removed."""
    every = config.checkpoints.every or max(1, steps // _CHECKPOINTS)
    keep = steps if keep_all else config.checkpoints.keep
    kept = config.checkpoints.model_copy(update={"every": every, "keep": keep})
    return config.model_copy(update={"checkpoints": kept})


def select_by_loss(config: TrainConfig, result: TrainResult) -> None:
    """Makes the model of the checkpoint with the lowest loss on the held-out rows."""
    from reflexa.training.algorithms import find_algorithm
    from reflexa.training.engine.keeping import publish_checkpoint

    publish_checkpoint(config, find_algorithm(config.algorithm).head, result.best)


def chosen_of(config: CommonConfig, points: Sequence[CheckpointPoint]) -> Choice:
    """Makes the model of the checkpoint that the held-out reward chooses, and says which.

    Raises ``UsageError`` where nothing was measured.
    """
    from reflexa.training.engine.keeping import publish_checkpoint

    choice = choose_checkpoint([point for point in points if point.step == 0 or Path(point.path).is_dir()])
    publish_checkpoint(config, "language", None if choice.chosen.step == 0 else Path(choice.chosen.path))
    return choice


def check_measured(measured: bool, option: str) -> None:
    """Raises ``UsageError`` where a run could not choose, because it measures nothing that is held out."""
    if not measured:
        raise UsageError(
            f"--select chooses by what is held out, and nothing is: expected {option} too, because the reward that is "
            "optimised cannot choose"
        )
