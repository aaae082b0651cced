"""One optimiser step over its micro-batches, and the loss of rows that are only looked at."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from reflexa.errors import TrainingError
from reflexa.training.engine.batching import MicroBatch, all_at_once
from reflexa.training.engine.packing import Example, pack
from reflexa.training.engine.processes import Processes
from reflexa.training.engine.scored import Loss, Scored
from reflexa.training.engine.scorer import Scorer
from reflexa.training.engine.weights import Trained


@dataclass(frozen=True)
class StepResult:
    """A step's mean loss and metrics over all its rows, its gradients' norm before clipping, and its tokens."""

    loss: float
    metrics: Mapping[str, float]
    norm: float
    tokens: int


@dataclass(frozen=True, eq=False)
class Rows:
    """Examples, and each one's reference sums [its completions] where the objective wants them.

    ``baseline`` are as many more, whose mean log-ratio to the reference the objective wants to know beforehand.
    """

    examples: Sequence[Example]
    references: Sequence[Tensor] | None = None
    baseline: Rows | None = None

    def reference_of(self, batch: MicroBatch) -> Tensor | None:
        return None if self.references is None else torch.cat([self.references[row] for row in batch])

    def first(self, count: int) -> Rows:
        """The first so many rows alone."""
        return Rows(
            examples=self.examples[:count],
            references=None if self.references is None else self.references[:count],
            baseline=None if self.baseline is None else self.baseline.first(count),
        )


@dataclass
class _Sums:
    """Weighted sums of what micro-batches reported."""

    weight: float = 0.0
    tokens: int = 0
    values: dict[str, float] = field(default_factory=dict)

    def add(self, weight: float, values: Mapping[str, Tensor], tokens: int) -> None:
        self.weight += weight
        self.tokens += tokens
        for name, value in values.items():
            self.values[name] = self.values.get(name, 0.0) + weight * float(value)

    def over(self, processes: Processes) -> _Sums:
        """The sums over all processes."""
        if processes.share.processes == 1:
            return self
        names = sorted(self.values)
        packed = torch.tensor([self.weight, float(self.tokens), *(self.values[name] for name in names)])
        packed = packed.double().to(processes.device)
        processes.sum([packed])
        weight, tokens, *values = packed.tolist()
        return _Sums(weight, int(tokens), dict(zip(names, values, strict=True)))

    def means(self) -> dict[str, float]:
        return {name: value / self.weight for name, value in self.values.items()}


class Stepper:
    """Computes losses and gradients, and moves the weights."""

    def __init__(self, scorer: Scorer, weights: Trained, loss: Loss, processes: Processes) -> None:
        self._scorer, self._weights, self._loss, self._processes = scorer, weights, loss, processes

    def step(
        self, rows: Rows, batches: Sequence[MicroBatch], learning_rate: float, stop_norm: float, idle: float = 0.0
    ) -> StepResult:
        """One step over this process's micro-batches. ``idle`` is the weight of rows that belong to the mean but are
        left out, because their losses and gradients are 0; metrics are means over the others.

        Where its numbers break, raises ``TrainingError`` and leaves the weights.
        """
        sums = _Sums()
        baseline = self._baseline(rows, batches)
        for batch in batches:
            self._add(sums, rows, batch, baseline)
        total = sums.over(self._processes)
        means = total.means()
        self._weights.combine(self._processes, total.weight + idle)
        norm = self._weights.norm()
        loss = means.pop("loss") * total.weight / (total.weight + idle)
        if not math.isfinite(loss) or not norm <= stop_norm:
            raise TrainingError(
                f"the loss is {loss:.6g} and the gradients' norm {norm:.6g} (at most {stop_norm:g} goes on)"
            )
        self._weights.step(learning_rate, norm)
        return StepResult(loss, means, norm, total.tokens)

    def means(self, rows: Rows, tokens: int, seed: int = 0) -> dict[str, float]:
        """The mean ``loss`` and metrics of all rows, at most ``tokens`` tokens at once, without gradients.

        Every process computes its share, and gets the whole.
        """
        share, sums = self._processes.share, _Sums()
        batches = all_at_once(rows.examples, tokens, seed, share.processes)[share.index :: share.processes]
        self._scorer.eval()
        with torch.no_grad():
            baseline = self._baseline(rows, batches)
            for batch in batches:
                self._add(sums, rows, batch, baseline)
        self._scorer.train()
        return sums.over(self._processes).means()

    def _baseline(self, rows: Rows, batches: Sequence[MicroBatch]) -> Tensor | None:
        """The mean log-ratio of the rows' baselines, over all processes; None where they have none."""
        if rows.baseline is None:
            return None
        training, total = self._scorer.training, torch.zeros(2, dtype=torch.float64, device=self._processes.device)
        self._scorer.eval()
        with torch.no_grad():
            for batch in batches:
                scored, _ = self._score(rows.baseline, batch, None)
                if scored.reference is not None and batch:
                    ratios = scored.sums - scored.reference
                    total += torch.stack([ratios.sum().double(), ratios.new_tensor(len(ratios)).double()])
        self._scorer.train(training)
        self._processes.sum([total])
        return (total[0] / total[1]).float()

    def _score(self, rows: Rows, batch: MicroBatch, baseline: Tensor | None) -> tuple[Scored, int]:
        """What the model says of a micro-batch, and how many tokens that has.

        A process without rows in this round computes one that does not count: gathering sharded weights takes all.
        """
        batch = batch or (0,)
        micro = pack([rows.examples[row] for row in batch], scores_tokens=self._scorer.scores_tokens)
        micro = micro.to(self._processes.device)
        scores = self._scorer(micro)
        reference = rows.reference_of(batch)
        counts = torch.tensor(micro.counts, device=scores.device)
        reference = None if reference is None else reference.to(scores.device)
        tokens = sum(example.tokens for example in micro.examples)
        return Scored(micro.examples, scores, counts, reference, baseline), tokens

    def _add(self, sums: _Sums, rows: Rows, batch: MicroBatch, baseline: Tensor | None) -> None:
        scored, tokens = self._score(rows, batch, baseline)
        output = self._loss(scored)
        weight = float(output.weight) if batch else 0.0
        if torch.is_grad_enabled():
            torch.autograd.backward(output.loss * weight)
        values = {**output.metrics, "loss": output.loss.detach()}
        sums.add(weight, values, tokens if batch else 0)
