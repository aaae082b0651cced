"""The updates of a step: which of its rows make which, at what rate. Fixed by the seed and the step's number alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from reflexa.training.engine.batching import MicroBatch, all_at_once
from reflexa.training.engine.packing import Example
from reflexa.training.engine.processes import Processes
from reflexa.training.engine.schedule import learning_rate
from reflexa.training.engine.scored import Loss
from reflexa.training.engine.scorer import Scorer
from reflexa.training.engine.stepper import Rows, Stepper, StepResult
from reflexa.training.engine.weights import Trained
from reflexa.training.online.config import OnlineConfig


@dataclass(frozen=True)
class Learnt:
    """What a step's updates came to: means over them, and the last one's learning rate."""

    loss: float
    metrics: Mapping[str, float]
    norm: float
    rate: float


class Updates:
    """Moves a model's weights over a step's rows, as often as the configuration says.

    ``first`` is true while the weights are those that the step began with.
    """

    def __init__(
        self, config: OnlineConfig, scorer: Scorer, weights: Trained, loss: Loss, processes: Processes
    ) -> None:
        self._config, self._processes = config, processes
        self._stepper = Stepper(scorer, weights, loss, processes)
        self.first = True

    @property
    def a_step(self) -> int:
        """How many updates a step has."""
        return self._config.epochs * self._config.minibatches

    def run(self, rows: Sequence[Example], step: int, idle: float = 0.0) -> Learnt:
        """The updates of a step; ``idle`` is the weight of what is left out because it teaches nothing.

        Raises ``TrainingError`` where the numbers break.
        """
        config, share = self._config, self._processes.share
        results: list[StepResult] = []
        rate = 0.0
        for epoch in range(config.epochs):
            parts = self._parts(len(rows), step * config.epochs + epoch)
            for part in parts:
                update = step * self.a_step + len(results)
                rate = learning_rate(update, config.steps * self.a_step, config.optimizer)
                self.first = not results
                mine = self.dealt(rows, part)[share.index :: share.processes]
                left_out = idle / len(parts)
                results.append(self._stepper.step(Rows(rows), mine, rate, config.optimizer.stop_norm, left_out))
        names = dict.fromkeys(name for result in results for name in result.metrics)
        means = {name: _mean([one.metrics[name] for one in results if name in one.metrics]) for name in names}
        return Learnt(_mean([one.loss for one in results]), means, _mean([one.norm for one in results]), rate)

    def dealt(self, examples: Sequence[Example], rows: Sequence[int] | None = None) -> list[MicroBatch]:
        """Rows (None: all) in micro-batches, a multiple of the processes of them."""
        config = self._config
        return all_at_once(examples, config.batch_tokens, config.seed, self._processes.share.processes, rows)

    def _parts(self, count: int, number: int) -> list[list[int]]:
        """The rows of each update, in an order of the pass's own where there are several."""
        updates = min(self._config.minibatches, count)
        if updates == 1:
            return [list(range(count))]
        generator = torch.Generator().manual_seed(self._config.seed * 1_000_003 + number)
        order: list[int] = torch.randperm(count, generator=generator).tolist()
        return [order[part::updates] for part in range(updates)]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
