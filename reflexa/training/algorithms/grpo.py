"""Group relative policy optimisation."""

from __future__ import annotations

from reflexa.training.algorithms.online_algorithm import OnlineAlgorithm, within_groups

GRPO = OnlineAlgorithm(
    name="grpo",
    summary="group relative policy optimisation: rewards over the group's mean and spread",
    advantages=within_groups("grpo"),
)
