"""The step loop: steps, reports, checkpoints, and a stop that says why."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch

from reflexa.errors import TrainingError
from reflexa.training.config import TrainConfig
from reflexa.training.engine.batching import Batches
from reflexa.training.engine.metrics import MetricsFile, Progress, StepReport
from reflexa.training.engine.processes import Processes
from reflexa.training.engine.schedule import learning_rate
from reflexa.training.engine.stepper import Rows, Stepper, StepResult

_SEEDS = 2**63
_NO_MEMORY = ("can't allocate memory", "out of memory", "not enough memory")


class Saver(Protocol):
    """Writes a checkpoint after so many steps, of this loss: that of the means over the held-out rows, where there are
    such, else the mean training loss since the checkpoint before.
    """

    def __call__(self, step: int, loss: float, held_out: Mapping[str, float] | None) -> Path: ...


@dataclass(frozen=True, eq=False)
class Course:
    """What a loop runs over: ``steps`` of ``batches`` of ``rows``, then ``held_out`` rows at each checkpoint."""

    config: TrainConfig
    rows: Rows
    batches: Batches
    steps: int
    held_out: Rows


@dataclass
class _Since:
    """Training losses since the last checkpoint."""

    total: float = 0.0
    steps: int = 0

    def add(self, loss: float) -> None:
        self.total, self.steps = self.total + loss, self.steps + 1

    def mean(self) -> float:
        return self.total / max(1, self.steps)


class Loop:
    """Runs a course from step ``start`` to its end; ``save`` writes a checkpoint."""

    def __init__(self, course: Course, stepper: Stepper, processes: Processes, save: Saver) -> None:
        self._course, self._stepper, self._processes, self._save = course, stepper, processes, save
        self._last: Path | None = None
        self._tokens = 0

    def run(self, start: int, last: Path | None, metrics: MetricsFile | None, progress: Progress | None) -> int:
        """Tokens computed. Raises ``TrainingError`` where the numbers break or memory runs out."""
        self._last, self._tokens = last, 0
        course, began, since = self._course, time.monotonic(), _Since()
        for step in range(start, course.steps):
            result, rate = self._step(step)
            since.add(result.loss)
            self._tokens += result.tokens
            held_out = self._held_out_means() if self._is_due(step + 1) else None
            seconds = time.monotonic() - began
            report = StepReport(
                step=step + 1,
                steps=course.steps,
                epoch=(step + 1) / course.batches.steps_per_epoch,
                loss=result.loss,
                metrics=dict(result.metrics),
                norm=result.norm,
                learning_rate=rate,
                tokens=result.tokens,
                tokens_per_second=self._tokens / seconds,
                seconds_left=seconds / (step + 1 - start) * (course.steps - step - 1),
                held_out_loss=None if held_out is None else held_out["loss"],
            )
            # Told first: what is told of a step whose checkpoint was not finished is forgotten, and comes again.
            self._tell(report, metrics, progress)
            if self._is_due(step + 1):
                loss = since.mean() if held_out is None else held_out["loss"]
                self._last = self._save(step + 1, loss, held_out)
                since = _Since()
        return self._tokens

    def _step(self, step: int) -> tuple[StepResult, float]:
        course, share = self._course, self._processes.share
        optimizer = course.config.optimizer
        rate = learning_rate(step, course.steps, optimizer)
        # All that is random in a step follows from its number, so a resumed run draws what the first one drew.
        torch.manual_seed((course.config.seed * 1_000_003 + step * share.processes + share.index) % _SEEDS)
        try:
            return self._stepper.step(course.rows, course.batches.of(step, share), rate, optimizer.stop_norm), rate
        except TrainingError as error:
            raise TrainingError(f"step {step + 1}: {error}; {self._good()}") from error
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            raise TrainingError(f"step {step + 1}: out of memory; {self._lower()}; {self._good()}") from error

    def _is_due(self, done: int) -> bool:
        every = self._course.config.checkpoints.every
        return done == self._course.steps or (every is not None and done % every == 0)

    def _held_out_means(self) -> dict[str, float] | None:
        held_out, config = self._course.held_out, self._course.config
        return self._stepper.means(held_out, config.batch.tokens, config.seed) if held_out.examples else None

    def _tell(self, report: StepReport, metrics: MetricsFile | None, progress: Progress | None) -> None:
        if metrics is not None:
            metrics.write(report)
        if progress is not None and self._processes.first:
            progress(report)

    def _good(self) -> str:
        return f"the last good checkpoint is {self._last}" if self._last else "no checkpoint was written before it"

    def _lower(self) -> str:
        batch = self._course.config.batch
        longest = max(self._course.batches.sizes)
        if longest < batch.tokens:
            return f"lower batch.tokens (now {batch.tokens}; the largest row has {longest} tokens)"
        return f"lower max_length (the largest row has {longest} tokens), or train adapters (lora)"


def is_out_of_memory(error: Exception) -> bool:
    """Whether memory ran out: torch says so in a ``RuntimeError``, by words alone."""
    return isinstance(error, MemoryError) or any(text in str(error) for text in _NO_MEMORY)
