"""What an online run is asked to do: frozen data, the same from a recipe, a command line or Python."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from reflexa.training.config import CommonConfig, SamplingConfig
from reflexa.types import Frozen

Action = Literal["off", "warn", "stop"]
Old = Literal["sampled", "recomputed"]
"""Where the sampling policy's log-probabilities come from: the sampler itself, or a training pass before the update."""


class AlarmRule(Frozen):
    """What is done where a value has been beyond ``limit`` for ``patience`` steps in a row."""

    action: Action = "warn"
    limit: float = Field(gt=0)
    patience: int = Field(default=3, ge=1)


class AlarmConfig(Frozen):
    """Rules by name.

    ``kl_explosion``: the KL of a completion to the starting model, in nats. ``entropy_collapse``: the entropy, as a
    share of the first steps', falls below the limit. ``length_hacking``: the mean length, as a multiple of the first
    steps', rises above it. ``equal_groups``: the share of groups whose rewards are all equal. ``mismatch``: the mean
    absolute difference, in nats a token, between the sampler's and the trainer's log-probabilities; it also makes the
    run use the trainer's from then on.
    """

    kl_explosion: AlarmRule = AlarmRule(limit=50.0, patience=1)
    entropy_collapse: AlarmRule = AlarmRule(limit=0.02)
    length_hacking: AlarmRule = AlarmRule(limit=3.0)
    equal_groups: AlarmRule = AlarmRule(limit=0.95)
    mismatch: AlarmRule = AlarmRule(limit=0.2, patience=1)


class GateConfig(Frozen):
    """Prompts that were solved always or never, ``after`` times in a row, are set aside and tried again after
    ``probe`` steps.

    A sample solves its prompt where the reward's ``part`` (None: the whole reward) is at least ``solved``.
    """

    after: int = Field(default=2, ge=1)
    probe: int = Field(default=20, ge=1)
    solved: float = 1.0
    part: str | None = None


class PointConfig(Frozen):
    """How a checkpoint is measured: by one sample of each of at most ``prompts`` prompts (0: checkpoints are not
    measured).
    """

    prompts: int = Field(default=64, ge=0)


class OnlineConfig(CommonConfig, SamplingConfig):
    """One online run.

    Each of ``steps`` samples ``prompts`` prompts as ``SamplingConfig`` says, and learns the samples ``epochs`` times
    over, in ``minibatches`` updates each. ``batch_tokens`` bounds what is computed at once when learning. KL to the
    starting model is measured every ``kl_every`` steps, and at each where the loss needs it.
    """

    steps: int = Field(default=100, gt=0)
    prompts: int = Field(default=8, gt=0)
    epochs: int = Field(default=1, gt=0)
    minibatches: int = Field(default=1, gt=0)
    batch_tokens: int = Field(default=4096, gt=0)
    old: Old = "sampled"
    kl_every: int = Field(default=5, gt=0)
    gates: GateConfig | None = None
    alarms: AlarmConfig = AlarmConfig()
    points: PointConfig = PointConfig()
