"""Simple preference optimisation: mean log-probabilities as the reward, without a reference."""

from __future__ import annotations

from reflexa.rows import PreferenceRow
from reflexa.training.algorithms.algorithm import Algorithm
from reflexa.training.algorithms.dpo import encode_pair, pair_batch
from reflexa.training.engine.scored import Scored
from reflexa.training.objectives.output import LossOutput
from reflexa.training.objectives.preference import SimPOConfig, simpo


def loss(scored: Scored, options: SimPOConfig) -> LossOutput:
    """−log σ(β·(mean log π(w) − mean log π(l)) − γ)."""
    return simpo(pair_batch(scored), options)


SIMPO = Algorithm(
    name="simpo",
    summary="simple preference optimisation, without a reference",
    rows=(PreferenceRow,),
    options=SimPOConfig,
    encode=encode_pair,
    loss=loss,
    proxy="rewards/margin",
)
