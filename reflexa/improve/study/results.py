"""What a study of over-optimisation found."""

from __future__ import annotations

from reflexa.evaluation.overoptimisation import Curve
from reflexa.improve.study.config import Size, StudyConfig
from reflexa.rows import CheckpointPoint
from reflexa.types import Frozen


class BestOfNStudy(Frozen):
    """Mean rewards of the best of n by a proxy, by n, in standard deviations of the start's answers.

    ``kl`` in nats; ``errors`` are standard errors of the gains over n = 1, over prompts.
    """

    sizes: tuple[int, ...]
    kl: tuple[float, ...]
    proxy: tuple[float, ...]
    gold: tuple[float, ...]
    errors: tuple[float, ...]
    curve: Curve


class RLStudy(Frozen):
    """The checkpoints of a policy that was optimised against a proxy; their ``true`` is the gold reward.

    ``chosen`` is the step that the rule for choosing a checkpoint keeps, ``declined`` are those further from the start
    that are clearly worse under a proxy reward that is no lower. ``folder`` is where it was trained, within the
    study's.
    """

    points: tuple[CheckpointPoint, ...]
    chosen: int
    declined: tuple[int, ...]
    curve: Curve
    folder: str


class ProxyStudy(Frozen):
    """One proxy: what it is, how often it prefers as the gold reward does (held-out pairs), what optimising it did."""

    size: Size
    labels: int
    parameters: int
    agreement: float
    best_of_n: BestOfNStudy
    rl: RLStudy


class StudyResult(Frozen):
    """The whole study. ``seconds`` are of this process's CPU, of what this call did itself."""

    config: StudyConfig
    proxies: tuple[ProxyStudy, ...]
    seconds: float
