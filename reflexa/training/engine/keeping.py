"""The files of one run: what it resumes from, its checkpoints, and the model that it leaves."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reflexa.errors import ConfigError
from reflexa.training.config import CommonConfig
from reflexa.training.engine.checkpoint import CheckpointRecord, Checkpoints, RunIdentity, verify
from reflexa.training.engine.heads import Head, save_model
from reflexa.training.engine.loading import add_lora, copy_weights, load_model, load_tokenizer, merged
from reflexa.training.engine.processes import Processes
from reflexa.training.engine.scorer import Scorer
from reflexa.training.engine.weights import Trained

_ASIDE = ".model."
"""Begins the name of a folder in which a final model is being written."""


def _nothing(folder: Path) -> None:
    """A run that keeps no further files."""


def publish_checkpoint(config: CommonConfig, head: Head, checkpoint: Path | None) -> None:
    """Makes the final model of a checkpoint of a run that has ended, adapters merged into it; None for the model that
    the run began with.
    """
    if checkpoint is not None and config.lora is not None:
        model = merged(config.model, checkpoint, head)
    else:
        model = load_model(str(checkpoint or config.model), head)
    aside = _aside(config)
    save_model(model, load_tokenizer(str(checkpoint or config.model)), aside)
    _replace_model(config, aside)


def _aside(config: CommonConfig) -> Path:
    return config.output / f"{_ASIDE}{os.getpid()}"


def _replace_model(config: CommonConfig, aside: Path) -> None:
    final = config.output / "model"
    shutil.rmtree(final, ignore_errors=True)
    aside.rename(final)


class Keeper:
    """Reads and writes the files of a run. The first process writes; every process calls every method."""

    def __init__(self, config: CommonConfig, head: Head, tokenizer: Any, processes: Processes) -> None:
        self._config, self._head, self._tokenizer, self._processes = config, head, tokenizer, processes
        self.checkpoints = Checkpoints(config.output / "checkpoints", config.checkpoints.keep)

    def refuse_to_overwrite(self) -> None:
        """Raises ``ConfigError`` where the output folder holds another run's checkpoints, or this one's unasked.

        Removes what a killed process left half-written.
        """
        self.checkpoints.clean()
        for left in self._config.output.glob(f"{_ASIDE}*"):
            shutil.rmtree(left, ignore_errors=True)
        if self.checkpoints.all() and not self._config.resume:
            raise ConfigError(
                f"{self._config.output} already holds checkpoints of a run: resume it, or choose another output folder"
            )

    def resume_point(self, identity: RunIdentity) -> tuple[int, Path | None]:
        """The steps that are done, and the checkpoint of the last one. Raises ``TrainingError`` as ``verify`` does."""
        last = self.checkpoints.last() if self._config.resume else None
        return (0, None) if last is None else (verify(last, identity).step, last)

    def taken_up(self, scorer: Scorer, last: Path | None) -> Scorer:
        """The starting model's scorer, with the run's adapters where it trains any, and the weights of ``last``."""
        if self._config.lora is not None:
            return Scorer(add_lora(scorer.model, self._config.lora, last))
        if last is not None:
            copy_weights(load_model(str(last), self._head), scorer.model)
        return scorer

    def save(
        self, model: Any, weights: Trained, record: CheckpointRecord, write: Callable[[Path], None] = _nothing
    ) -> Path:
        """Makes the checkpoint that ``record`` describes; ``write`` puts further files into its folder."""
        writes = self._processes.first
        aside = self.checkpoints.aside() if writes else self.checkpoints.folder
        self._save_model(model, weights, aside)
        optimizer = weights.optimizer_tensors()
        if writes:
            write(aside)
            self.checkpoints.finish(aside, record, optimizer)
        self._processes.wait()
        return self.checkpoints.path(record.step)

    def publish(self, model: Any, weights: Trained) -> None:
        """Writes the final model beside the checkpoints, adapters merged into it."""
        config, first = self._config, self._processes.first
        aside = _aside(config)
        last = self.checkpoints.last()
        if config.lora is None or last is None:
            self._save_model(model, weights, aside)
        elif first:
            save_model(merged(config.model, last, self._head), self._tokenizer, aside)
        if first:
            _replace_model(config, aside)

    def _save_model(self, model: Any, weights: Trained, folder: Path) -> None:
        """Writes model and tokenizer to a folder. Every process takes part, the first one writes."""
        with weights.exposed(model) as state:
            if self._processes.first:
                save_model(model, self._tokenizer, folder, state)
