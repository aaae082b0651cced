"""One step's samples into the weights: references, advantages, and the updates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from reflexa.training.engine.batching import MicroBatch, batches
from reflexa.training.engine.packing import Example
from reflexa.training.engine.processes import Processes
from reflexa.training.engine.schedule import learning_rate
from reflexa.training.engine.scored import Scored
from reflexa.training.engine.scorer import Scorer
from reflexa.training.engine.stepper import Rows, Stepper, StepResult
from reflexa.training.engine.weights import Trained
from reflexa.training.objectives.output import LossOutput
from reflexa.training.objectives.policy_gradient import TokenBatch
from reflexa.training.online.experience import Trajectories, experience_of, trajectories, trees
from reflexa.training.online.passes import Start, token_scores
from reflexa.training.online.rollouts import Group
from reflexa.training.online.setup import OnlineSetup
from reflexa.training.online.summary import divergence


@dataclass(frozen=True)
class Learnt:
    """What a step's updates came to: means over them, and the last one's learning rate."""

    loss: float
    metrics: Mapping[str, float]
    norm: float
    rate: float


class Learner:
    """Learns from groups. Every process calls every method with the same groups."""

    def __init__(self, setup: OnlineSetup, scorer: Scorer, weights: Trained, processes: Processes) -> None:
        self._config, self._algorithm, self._options = setup.config, setup.algorithm, setup.options
        self._scorer, self._processes = scorer, processes
        self._stepper = Stepper(scorer, weights, self._loss, processes)
        self._first = True
        self._recomputed = False

    def measured(self, groups: Sequence[Group], start: Start) -> dict[str, float]:
        """KL to the starting model of what the policy, as it is now, has sampled."""
        experience, examples = experience_of(groups, self._options.weights), self._trees(groups)
        now = self._pass(examples)
        with start.in_place(self._scorer):
            reference = self._pass(examples)
        return divergence(now, reference, experience)

    def learn(self, groups: Sequence[Group], start: Start | None, step: int, recompute: bool) -> Learnt:
        """The updates of a step. ``start`` is given where KL to it is to be known; ``recompute`` takes the sampling
        policy's log-probabilities from a training pass.

        Raises ``TrainingError`` where the numbers break.
        """
        experience, examples = experience_of(groups, self._options.weights), self._trees(groups)
        measured: dict[str, float] = {}
        self._recomputed = recompute or self._algorithm.recomputes
        if self._recomputed and self._updates > 1:
            own = experience.mask > 0
            sampled, experience = experience.old, replace(experience, old=self._pass(examples))
            measured["mismatch"] = float((experience.old - sampled)[own].abs().mean())
        if start is not None:
            with start.in_place(self._scorer):
                experience = replace(experience, reference=self._pass(examples))
        if experience.reference is not None:
            measured |= divergence(experience.old, experience.reference, experience)
        advantages = self._algorithm.advantages(experience, self._options)
        rows = trajectories(examples, experience, advantages)
        learnt = self._updated(rows, step)
        return replace(learnt, metrics={**learnt.metrics, **measured})

    @property
    def _updates(self) -> int:
        return self._config.epochs * self._config.minibatches

    def _updated(self, rows: Sequence[Trajectories], step: int) -> Learnt:
        config = self._config
        results: list[StepResult] = []
        rate = 0.0
        for epoch in range(config.epochs):
            for part in self._parts(len(rows), step * config.epochs + epoch):
                update = step * self._updates + len(results)
                rate = learning_rate(update, config.steps * self._updates, config.optimizer)
                self._first = not results
                dealt = self._dealt(rows, part)
                share = self._processes.share
                results.append(
                    self._stepper.step(
                        Rows(rows), dealt[share.index :: share.processes], rate, config.optimizer.stop_norm
                    )
                )
        names = dict.fromkeys(name for result in results for name in result.metrics)
        means = {name: _mean([one.metrics[name] for one in results if name in one.metrics]) for name in names}
        return Learnt(_mean([one.loss for one in results]), means, _mean([one.norm for one in results]), rate)

    def _parts(self, count: int, number: int) -> list[list[int]]:
        """The rows of each update, in an order of the pass's own where there are several."""
        updates = min(self._config.minibatches, count)
        if updates == 1:
            return [list(range(count))]
        generator = torch.Generator().manual_seed(self._config.seed * 1_000_003 + number)
        order: list[int] = torch.randperm(count, generator=generator).tolist()
        return [order[part::updates] for part in range(updates)]

    def _dealt(self, examples: Sequence[Example], rows: Sequence[int]) -> list[MicroBatch]:
        # As many rows a step as there are: only the dealing is used, not the order of epochs.
        dealer = batches(examples, len(examples), self._config.batch_tokens, self._config.seed)
        return dealer.deal(rows, self._processes.share.processes)

    def _trees(self, groups: Sequence[Group]) -> list[Example]:
        return trees(groups, self._config.batch_tokens)

    def _pass(self, examples: Sequence[Example]) -> Tensor:
        return token_scores(self._scorer, examples, self._dealt(examples, range(len(examples))), self._processes)

    def _loss(self, scored: Scored) -> LossOutput:
        rows = [example for example in scored.examples if isinstance(example, Trajectories)]
        device = scored.scores.device
        old, advantages, mask = (
            torch.cat([getattr(row, name) for row in rows]).to(device) for name in ("old", "advantages", "mask")
        )
        metrics: dict[str, Tensor] = {}
        if self._first and not (self._recomputed and self._updates > 1):
            # Weights have not moved since sampling: whatever differs is how the two passes compute.
            now, own = scored.scores.detach(), mask > 0
            metrics["mismatch"] = (now - old)[own].abs().mean() if own.any() else now.new_zeros(())
            old = now if self._recomputed else old
        references = [row.reference for row in rows if row.reference is not None]
        output = self._algorithm.loss(
            TokenBatch(
                logprobs=scored.scores,
                old=old,
                advantages=advantages,
                mask=mask,
                counts=scored.counts,
                reference=torch.cat(references).to(device) if references else None,
            ),
            self._options,
        )
        return LossOutput(output.loss, output.weight, {**output.metrics, **metrics})


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
