"""GRPO without its two biases: no division by a group's spread, and none by an answer's own length."""

from __future__ import annotations

from typing import Literal

from reflexa.training.algorithms.online_algorithm import OnlineAlgorithm, OnlineOptions, within_groups


class DrGRPOOptions(OnlineOptions):
    """Sums over tokens, divided by the most that an answer may have."""

    mean: Literal["completion", "token", "budget"] = "budget"


DR_GRPO = OnlineAlgorithm(
    name="dr-grpo",
    summary="GRPO without its biases by spread and by length",
    advantages=within_groups("dr-grpo"),
    options=DrGRPOOptions,
)
