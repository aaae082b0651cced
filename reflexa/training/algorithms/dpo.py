"""Direct preference optimisation, with its conservative and robust forms."""

from __future__ import annotations

from dataclasses import replace

from reflexa.models.local.encoding import Encoder
from reflexa.rows import PreferenceRow
from reflexa.training.algorithms.algorithm import Algorithm, pairs
from reflexa.training.engine.packing import Example
from reflexa.training.engine.scored import Scored
from reflexa.training.objectives.output import LossOutput
from reflexa.training.objectives.preference import DPOConfig, PairBatch, dpo


def encode_pair(row: PreferenceRow, encoder: Encoder) -> Example:
    """The prompt with its chosen, then its rejected completion, and how sure the label is."""
    prompt, completions = encoder.exchange(row.prompt, [row.chosen, row.rejected])
    return Example(prompt, completions, values=(1.0 if row.probability is None else row.probability,))


def pair_batch(scored: Scored) -> PairBatch:
    """A micro-batch's sums of log-probabilities as pairs."""
    chosen, rejected = pairs(scored.sums)
    chosen_tokens, rejected_tokens = pairs(scored.counts)
    reference = (None, None) if scored.reference is None else pairs(scored.reference)
    return PairBatch(
        chosen=chosen,
        rejected=rejected,
        chosen_tokens=chosen_tokens,
        rejected_tokens=rejected_tokens,
        reference_chosen=reference[0],
        reference_rejected=reference[1],
    )


def loss(scored: Scored, options: DPOConfig) -> LossOutput:
    """−log σ(βδ), or what ``options`` and soft labels make of it."""
    sure = scored.values(0)
    return dpo(replace(pair_batch(scored), probability=None if bool((sure == 1).all()) else sure), options)


DPO = Algorithm(
    name="dpo",
    summary="direct preference optimisation (also conservative and robust)",
    rows=(PreferenceRow,),
    options=DPOConfig,
    encode=encode_pair,
    loss=loss,
    reference=True,
    proxy="rewards/margin",
)
