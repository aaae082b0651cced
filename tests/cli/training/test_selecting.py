"""What --select needs: checkpoints to choose among, and something held out to choose by."""

from __future__ import annotations

from pathlib import Path

import pytest

from reflexa.cli.training.selecting import check_measured, with_checkpoints
from reflexa.errors import UsageError
from reflexa.training.config import CheckpointConfig, CommonConfig


def test_ten_checkpoints_are_made_unless_the_run_was_told_how_many() -> None:
    config = CommonConfig(algorithm="grpo", model="m", output=Path("out"))
    made = with_checkpoints(config, 100, keep_all=True).checkpoints
    assert (made.every, made.keep) == (10, 100)
    assert with_checkpoints(config, 3, keep_all=False).checkpoints == CheckpointConfig(every=1)
    told = config.model_copy(update={"checkpoints": CheckpointConfig(every=7, keep=4)})
    assert with_checkpoints(told, 100, keep_all=False).checkpoints == CheckpointConfig(every=7, keep=4)


def test_without_anything_held_out_nothing_is_chosen() -> None:
    check_measured(True, "--held-out FILE")
    with pytest.raises(UsageError, match="expected --held-out FILE too"):
        check_measured(False, "--held-out FILE")
