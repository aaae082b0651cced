"""DAPO: a higher upper clip, a mean over tokens, and groups that teach nothing sampled anew."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from reflexa.training.algorithms.online_algorithm import OnlineAlgorithm, OnlineOptions, within_groups


class DAPOOptions(OnlineOptions):
    """The paper's clip; ``overlong`` is best set to a fifth of ``max_new_tokens``, as there."""

    clip_high: float = Field(default=0.28, gt=0)
    mean: Literal["completion", "token", "budget"] = "token"
    refills: int = Field(default=3, ge=0)


DAPO = OnlineAlgorithm(
    name="dapo",
    summary="GRPO with a higher upper clip, a mean over tokens, and dynamic sampling",
    advantages=within_groups("grpo"),
    options=DAPOOptions,
)
