"""Online training, as one call: prompts, a reward and a model in, a better model out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from reflexa.errors import ConfigError
from reflexa.rows import CheckpointPoint
from reflexa.training.engine.checkpoint import read_record
from reflexa.training.engine.metrics import Progress, read_points
from reflexa.training.engine.processes import joined
from reflexa.training.online.alarms import Alarm
from reflexa.training.online.config import OnlineConfig
from reflexa.training.online.playing import Played
from reflexa.training.online.points import Examination
from reflexa.training.online.rollouts import OnlinePrompt, Reward
from reflexa.training.online.run import OnlineRun
from reflexa.training.online.setup import OnlinePlan, set_up_online
from reflexa.types import Frozen


class OnlineResult(Frozen):
    """What a run made.

    ``model`` is a transformers folder, adapters merged; ``adapter`` the adapters alone; ``best`` the checkpoint of the
    highest reward, true where it was measured, ``last`` the one of the last step. ``reward`` is the best one's.
    ``tokens`` were sampled in ``seconds`` by this call, in which ``alarms`` fired.
    """

    plan: OnlinePlan
    model: Path
    adapter: Path | None
    best: Path
    last: Path
    reward: float
    points: tuple[CheckpointPoint, ...]
    alarms: tuple[Alarm, ...]
    tokens: int
    seconds: float


def plan_online(config: OnlineConfig, prompts: Sequence[OnlinePrompt]) -> OnlinePlan:
    """What ``train_online`` would do, without loading weights. Raises ``UsageError`` as it does."""
    with joined() as processes:
        return set_up_online(config, prompts, processes).plan


def train_online(
    config: OnlineConfig,
    prompts: Sequence[OnlinePrompt],
    reward: Reward | Played,
    *,
    held_out: Examination | None = None,
    progress: Progress | None = None,
) -> OnlineResult:
    """Trains on samples of the prompts; ``progress`` is told of every step, in the first process.

    ``reward`` is called from worker threads, or plays each sample in an environment (``Played``). ``held_out`` judges
    checkpoints truly. Raises ``UsageError`` where the configuration, the prompts or the model cannot be used,
    ``VerifierError`` or ``WorldError`` where a reward broke, ``TrainingError`` where the numbers break, memory runs
    out, an alarm stops the run, or a checkpoint is not this run's. A run that was
    killed goes on with ``resume``.
    """
    began = time.monotonic()
    with joined() as processes:
        setup = set_up_online(config, prompts, processes)
        run = OnlineRun(setup, processes, reward, held_out, progress)
        tokens = run.go()
        processes.wait()
        best, last = run.checkpoints.best(), run.checkpoints.last()
    if best is None or last is None:
        raise ConfigError(f"{config.output} holds no checkpoint: its files were removed during the run")
    return OnlineResult(
        plan=setup.plan,
        model=config.output / "model",
        adapter=last if config.lora else None,
        best=best,
        last=last,
        reward=-read_record(best).loss,
        points=read_points(config.output),
        alarms=tuple(run.alarms),
        tokens=tokens,
        seconds=time.monotonic() - began,
    )
