"""Group sequence policy optimisation: one ratio for a whole answer."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from reflexa.training.algorithms.online_algorithm import OnlineAlgorithm, OnlineOptions, within_groups


class GSPOOptions(OnlineOptions):
    """The paper's clip of the geometric mean of an answer's ratios."""

    clip_low: float = Field(default=3e-4, gt=0, lt=1)
    clip_high: float = Field(default=4e-4, gt=0)
    level: Literal["token", "sequence", "product"] = "sequence"


GSPO = OnlineAlgorithm(
    name="gspo",
    summary="group sequence policy optimisation: one clipped ratio for a whole answer",
    advantages=within_groups("grpo"),
    options=GSPOOptions,
    recomputes=True,
)
