"""Outcome reward models: the chance that an answer is right."""

from __future__ import annotations

from reflexa.models.local.encoding import Encoder
from reflexa.rows import UnpairedRow
from reflexa.training.algorithms.algorithm import Algorithm, NoOptions
from reflexa.training.engine.packing import Example
from reflexa.training.engine.scored import Scored
from reflexa.training.objectives.output import LossOutput
from reflexa.training.objectives.reward import ScoredOutcomes, outcome


def encode(row: UnpairedRow, encoder: Encoder) -> Example:
    """The prompt with its answer, and whether that is right."""
    prompt, completions = encoder.exchange(row.prompt, [row.completion])
    return Example(prompt, completions, values=(float(row.label),))


def loss(scored: Scored, options: NoOptions) -> LossOutput:
    """Binary cross-entropy of the answer's correctness."""
    return outcome(ScoredOutcomes(logits=scored.scores.squeeze(-1), labels=scored.values(0)))


ORM = Algorithm(
    name="orm",
    summary="outcome reward model: the chance that an answer is right",
    rows=(UnpairedRow,),
    options=NoOptions,
    encode=encode,
    loss=loss,
    head="answer",
)
