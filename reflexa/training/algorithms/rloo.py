"""REINFORCE leave-one-out: each sample is compared with the mean of the others of its prompt."""

from __future__ import annotations

from typing import Literal

from reflexa.training.algorithms.online_algorithm import OnlineAlgorithm, OnlineOptions, within_groups


class RLOOOptions(OnlineOptions):
    """The ratio of the whole answer. The paper's KL penalty is ``kl_reward``."""

    level: Literal["token", "sequence", "product"] = "product"


RLOO = OnlineAlgorithm(
    name="rloo",
    summary="REINFORCE with the mean of a prompt's other samples as baseline",
    advantages=within_groups("rloo"),
    options=RLOOOptions,
)
