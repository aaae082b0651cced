"""Passes without gradient over sampled tokens: with the policy's weights, or with those that the run began with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from reflexa.training.engine.batching import MicroBatch, all_at_once
from reflexa.training.engine.packing import Example, pack
from reflexa.training.engine.processes import Processes
from reflexa.training.engine.scorer import Scorer
from reflexa.training.online.experience import experience_of, trees
from reflexa.training.online.rollouts import Group
from reflexa.training.online.summary import divergence


class Start:
    """The model that a run began with: a kept copy of its weights, or the policy without its adapters.

    To be made before the policy takes up a checkpoint; ``dtype`` is what the policy computes in.
    """

    def __init__(self, scorer: Scorer, dtype: torch.dtype, adapters: bool) -> None:
        self._kept = [] if adapters else [parameter.detach().to(dtype, copy=True) for parameter in scorer.parameters()]

    @contextmanager
    def in_place(self, scorer: Scorer) -> Iterator[None]:
        """Within it the policy's scorer computes what the starting model does."""
        if not self._kept:
            with scorer.model.disable_adapter():
                yield
            return
        own = [parameter.data for parameter in scorer.parameters()]
        try:
            for parameter, kept in zip(scorer.parameters(), self._kept, strict=True):
                parameter.data = kept
            yield
        finally:
            for parameter, weight in zip(scorer.parameters(), own, strict=True):
                parameter.data = weight


def token_scores(
    scorer: Scorer, examples: Sequence[Example], batches: Sequence[MicroBatch], processes: Processes
) -> Tensor:
    """Log-probabilities [completion tokens of all examples, in order] in nats, fp32, on the CPU.

    ``batches`` hold every example once; each process computes its share, and all get the whole.
    """
    sizes = [sum(map(len, example.completions)) for example in examples]
    flat = torch.zeros(sum(sizes))
    places = torch.split(flat, sizes)
    training = scorer.training
    scorer.eval()
    with torch.no_grad():
        for batch in batches[processes.share.index :: processes.share.processes]:
            if batch:
                micro = pack([examples[row] for row in batch], scores_tokens=True).to(processes.device)
                parts = torch.split(scorer(micro).float().cpu(), [sizes[row] for row in batch])
                for row, part in zip(batch, parts, strict=True):
                    places[row].copy_(part)
    scorer.train(training)
    whole = flat.to(processes.device)
    processes.sum([whole])
    return whole.cpu()


@dataclass(frozen=True)
class Passes:
    """Passes over groups of samples, at most ``tokens`` tokens at once. Every process calls every method with the same
    groups.
    """

    scorer: Scorer
    processes: Processes
    tokens: int
    seed: int

    def trees(self, groups: Sequence[Group]) -> list[Example]:
        """The groups as what is computed."""
        return trees(groups, self.tokens)

    def scores(self, examples: Sequence[Example]) -> Tensor:
        """Log-probabilities [completion tokens of all examples, in order] in nats, by the weights as they are."""
        dealt = all_at_once(examples, self.tokens, self.seed, self.processes.share.processes)
        return token_scores(self.scorer, examples, dealt, self.processes)

    def distance(self, groups: Sequence[Group], start: Start) -> dict[str, float]:
        """KL to the starting model of what the policy, as it is now, has sampled (as ``divergence`` names it)."""
        examples = self.trees(groups)
        now = self.scores(examples)
        with start.in_place(self.scorer):
            reference = self.scores(examples)
        return divergence(now, reference, experience_of(groups, {}))
