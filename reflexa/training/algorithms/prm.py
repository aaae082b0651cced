"""Process reward models: the chance that each step of a solution is right."""

from __future__ import annotations

from reflexa.models.local.encoding import Encoder
from reflexa.rows import StepRow
from reflexa.training.algorithms.algorithm import Algorithm, NoOptions
from reflexa.training.engine.packing import Example
from reflexa.training.engine.scored import Scored
from reflexa.training.objectives.output import LossOutput
from reflexa.training.objectives.process import StepBatch, steps


def encode(row: StepRow, encoder: Encoder) -> Example:
    """The prompt with its steps, a mark at each one's last token, and their labels."""
    prompt, completion, marks = encoder.steps(row.prompt, row.completions)
    return Example(prompt, (completion,), values=tuple(map(float, row.labels)), marks=(marks,))


def loss(scored: Scored, options: NoOptions) -> LossOutput:
    """Cross-entropy of each step's label."""
    labels = scored.scores.new_tensor([label for example in scored.examples for label in example.values])
    return steps(StepBatch(logits=scored.scores, labels=labels))


PRM = Algorithm(
    name="prm",
    summary="process reward model: the chance that each step is right",
    rows=(StepRow,),
    options=NoOptions,
    encode=encode,
    loss=loss,
    head="step",
)
