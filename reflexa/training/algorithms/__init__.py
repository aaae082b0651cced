"""The algorithms by name.

``reflexa.training.algorithms.algorithm`` says how one that learns from rows is added, and
``reflexa.training.algorithms.online_algorithm`` how one that learns from its own samples is.
"""

from __future__ import annotations

from reflexa.errors import UsageError, unknown_name
from reflexa.training.algorithms.algorithm import Algorithm
from reflexa.training.algorithms.cpt import CPT
from reflexa.training.algorithms.dapo import DAPO
from reflexa.training.algorithms.dpo import DPO
from reflexa.training.algorithms.dr_grpo import DR_GRPO
from reflexa.training.algorithms.grpo import GRPO
from reflexa.training.algorithms.gspo import GSPO
from reflexa.training.algorithms.ipo import IPO
from reflexa.training.algorithms.kto import KTO
from reflexa.training.algorithms.online_algorithm import OnlineAlgorithm
from reflexa.training.algorithms.orm import ORM
from reflexa.training.algorithms.orpo import ORPO
from reflexa.training.algorithms.ppo import PPO
from reflexa.training.algorithms.prm import PRM
from reflexa.training.algorithms.reflect_retry import REFLECT_RETRY
from reflexa.training.algorithms.reinforce_pp import REINFORCE_PP
from reflexa.training.algorithms.reward import REWARD
from reflexa.training.algorithms.rloo import RLOO
from reflexa.training.algorithms.sft import SFT
from reflexa.training.algorithms.simpo import SIMPO

_ALL = (SFT, CPT, REWARD, ORM, PRM, DPO, IPO, KTO, ORPO, SIMPO)
_TABLE = {algorithm.name: algorithm for algorithm in _ALL}
_ALL_ONLINE = (GRPO, DR_GRPO, DAPO, GSPO, RLOO, REINFORCE_PP, PPO, REFLECT_RETRY)
_ONLINE = {algorithm.name: algorithm for algorithm in _ALL_ONLINE}


def find_algorithm(name: str) -> Algorithm:
    """One that learns from rows. Raises ``UsageError`` for a name that is not in the table."""
    if name in _ONLINE:
        raise UsageError(
            f"{name} learns from its own samples, not from rows: give it tasks (reflexa train {name} --task SUITE)"
        )
    if name not in _TABLE:
        raise unknown_name("algorithm", name, _TABLE)
    return _TABLE[name]


def find_online(name: str) -> OnlineAlgorithm:
    """One that learns from its own samples. Raises ``UsageError`` for a name that is not in the table."""
    if name in _TABLE:
        raise UsageError(
            f"{name} learns from rows, not from its own samples: give it files (reflexa train {name} --data FILE)"
        )
    if name not in _ONLINE:
        raise unknown_name("online algorithm", name, _ONLINE)
    return _ONLINE[name]


def list_algorithms() -> list[Algorithm]:
    return list(_TABLE.values())


def list_online() -> list[OnlineAlgorithm]:
    return list(_ONLINE.values())
