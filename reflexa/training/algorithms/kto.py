"""Kahneman–Tversky optimisation: answers known to be desirable or not, without pairs."""

from __future__ import annotations

from collections.abc import Sequence

from reflexa.errors import UsageError
from reflexa.models.local.encoding import Encoder
from reflexa.rows import UnpairedRow
from reflexa.training.algorithms.algorithm import Algorithm
from reflexa.training.engine.packing import Example
from reflexa.training.engine.scored import Scored
from reflexa.training.objectives.kto import KTOConfig, UnpairedBatch, kto
from reflexa.training.objectives.output import LossOutput


def encode(row: UnpairedRow, encoder: Encoder) -> Example:
    """The prompt with its answer, and whether that is desirable."""
    prompt, completions = encoder.exchange(row.prompt, [row.completion])
    return Example(prompt, completions, values=(float(row.label),))


def mismatch(examples: Sequence[Example], max_length: int) -> list[Example]:
    """Each prompt with the answer of the row before it, cut to what fits: what the distance is estimated from.

    Raises ``UsageError`` where there is only one row.
    """
    if len(examples) < 2:
        raise UsageError("KTO of one row: expected at least two, because each is compared with another one's answer")
    answers = [examples[-1].completions[0], *(example.completions[0] for example in examples[:-1])]
    return [
        Example(example.prompt, (answer[: max_length - len(example.prompt)],))
        for example, answer in zip(examples, answers, strict=True)
    ]


def loss(scored: Scored, options: KTOConfig) -> LossOutput:
    """λ(1 − σ(±β(Δ − z₀))), z₀ estimated over all of the step's mismatched answers."""
    if scored.reference is None or scored.baseline is None:
        raise UsageError("KTO without a reference: expected log-probabilities of the starting model for every row")
    batch = UnpairedBatch(
        logps=scored.sums,
        reference=scored.reference,
        desirable=scored.values(0) > 0.5,
        kl=scored.baseline.reshape(1),
    )
    return kto(batch, options)


KTO = Algorithm(
    name="kto",
    summary="Kahneman–Tversky optimisation on single answers, desirable or not",
    rows=(UnpairedRow,),
    options=KTOConfig,
    encode=encode,
    loss=loss,
    reference=True,
    baseline=mismatch,
    proxy="rewards/margin",
)
