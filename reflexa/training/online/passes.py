"""Passes without gradient over sampled tokens: with the policy's weights, or with those that the run began with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from reflexa.training.engine.batching import MicroBatch
from reflexa.training.engine.packing import Example, pack
from reflexa.training.engine.processes import Processes
from reflexa.training.engine.scorer import Scorer


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
