"""Supervised fine-tuning on completions, and continued pre-training on plain text."""

from __future__ import annotations

from reflexa.models.local.encoding import Encoder
from reflexa.rows import SFTRow, TextRow
from reflexa.training.algorithms.algorithm import Algorithm, NoOptions
from reflexa.training.engine.packing import Example
from reflexa.training.engine.scored import Scored
from reflexa.training.objectives.output import LossOutput
from reflexa.training.objectives.supervised import TokenBatch, nll


def encode(row: SFTRow | TextRow, encoder: Encoder) -> Example:
    """A prompt with its one completion; plain text is a completion without a prompt."""
    if isinstance(row, TextRow):
        return Example(encoder.opening, (encoder.text(row.text),))
    prompt, completions = encoder.exchange(row.prompt, [row.completion])
    return Example(prompt, completions)


def loss(scored: Scored, options: NoOptions) -> LossOutput:
    """Mean negative log-likelihood of a completion token, in nats."""
    return nll(TokenBatch(logps=scored.sums, tokens=scored.counts))


SFT = Algorithm(
    name="sft",
    summary="supervised fine-tuning on completions, or on plain text",
    rows=(SFTRow, TextRow),
    options=NoOptions,
    encode=encode,
    loss=loss,
)
