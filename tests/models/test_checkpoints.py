"""A folder stands for the checkpoint that is in it, or below it; what holds none is said to hold none."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from reflexa.errors import UsageError
from reflexa.models.checkpoints import adapters_in, checkpoint_in, is_checkpoint, whole_checkpoint_in
from tests.support.trained import Trained


def test_a_training_runs_output_stands_for_the_model_that_it_made(trained: Trained) -> None:
    for output in (trained.whole, trained.adapted):
        model = str(output / "model")
        assert checkpoint_in(str(output)) == checkpoint_in(model) == whole_checkpoint_in(str(output)) == model


def test_a_checkpoint_stands_for_itself(trained: Trained) -> None:
    for step in (trained.last(trained.whole), trained.last(trained.adapted)):
        assert is_checkpoint(step)
        assert checkpoint_in(str(step)) == str(step)


def test_what_is_no_folder_is_left_alone(tmp_path: Path) -> None:
    for name in ("embedded", "openai/gpt-5", str(tmp_path / "gone"), str(tmp_path)):
        assert checkpoint_in(name) == name


def test_a_run_that_has_not_ended_names_its_newest_checkpoint(trained: Trained, tmp_path: Path) -> None:
    shutil.copytree(trained.whole, tmp_path / "run", ignore=shutil.ignore_patterns("model"))
    with pytest.raises(UsageError, match=r"has not ended: resume it, or name a checkpoint of it, such as .*step-0*2"):
        checkpoint_in(str(tmp_path / "run"))


def test_adapters_alone_are_not_trained_further(trained: Trained) -> None:
    with pytest.raises(UsageError, match="holds adapters alone: merge them first"):
        whole_checkpoint_in(str(trained.last(trained.adapted)))


def test_adapters_are_found_from_every_side(trained: Trained) -> None:
    step = trained.last(trained.adapted)
    assert adapters_in(str(trained.adapted)) == adapters_in(str(trained.adapted / "model")) == step
    assert adapters_in(str(step)) == step
    with pytest.raises(UsageError, match="was trained as a whole: it has no adapters to keep"):
        adapters_in(str(trained.whole))
