"""What a checkpoint is worth, measured on the spot: its distance to the start, its reward, its true reward."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from reflexa.rows import CheckpointPoint
from reflexa.training.engine.batching import Batches
from reflexa.training.engine.metrics import POINTS, MetricsFile, read_points
from reflexa.training.engine.processes import Processes
from reflexa.training.online.experience import experience_of
from reflexa.training.online.passes import Passes, Start
from reflexa.training.online.playing import Played
from reflexa.training.online.rollouts import Group, OnlinePrompt, Reward
from reflexa.training.online.sampling import Roller

_NUMBER = 2**40
"""Numbers of draws that no step has."""
Item = TypeVar("Item")


@dataclass(frozen=True)
class Examination:
    """Held-out prompts, and what an answer to one is truly worth. Each is answered once, by the likeliest tokens.

    The run's own reward is asked about answers to them too: it is the proxy that the true reward is compared with.
    """

    prompts: tuple[OnlinePrompt, ...]
    reward: Reward | Played


def some_of(items: Sequence[Item], count: int) -> list[Item]:
    """Up to so many of the items, always the same, in their order."""
    if not items:
        return []
    order = Batches((1,) * len(items), len(items), 1, seed=0).rows_of(0)
    return [items[index] for index in sorted(order[:count])]


@dataclass
class Surveyor:
    """Measures the policy as it is, by ``samples`` of each of ``prompts``; whatever the algorithm is that moves it.

    True is what ``held_out`` finds, None where there is none. The parts of the roller's rewards have ``weights``.
    """

    prompts: Sequence[OnlinePrompt]
    roller: Roller
    passes: Passes
    start: Start
    held_out: Examination | None = None
    weights: dict[str, float] = field(default_factory=dict)
    samples: int = 1

    def point(self, step: int, path: Path | str, proxy: float | None = None) -> CheckpointPoint:
        """The point of a checkpoint; its ``proxy`` is the mean reward of the samples unless it is given.

        The start's KL to itself is 0.
        """
        groups: Sequence[Group] = ()
        if step or proxy is None:
            groups = self.roller.roll(self.prompts, _NUMBER, samples=self.samples)
        kl = self.passes.distance(groups, self.start)["kl/sequence"] if step else 0.0
        if proxy is None:
            proxy = float(experience_of(groups, self.weights).rewards.mean())
        rewards = self._true_rewards()
        true = sum(rewards) / len(rewards) if rewards else None
        return CheckpointPoint(
            step=step, path=str(path), kl=kl, proxy=proxy, true=true, n=len(rewards), rewards=rewards
        )

    def _true_rewards(self) -> tuple[float, ...]:
        """Of each held-out prompt, in their order; empty where there are none."""
        if self.held_out is None:
            return ()
        groups = self.roller.greedy(self.held_out.prompts, self.held_out.reward)
        return tuple(float(value) for value in experience_of(groups, {}).rewards[:, 0])


class Survey(AbstractContextManager["Survey"]):
    """Measures a run's checkpoints, and keeps their points in its folder ``output``. Without a ``surveyor`` none is.

    Every process measures, the first one writes. Points after the step ``begin``, where the run goes on, are forgotten:
    they will come again.
    """

    def __init__(self, surveyor: Surveyor | None, output: Path, begin: int, processes: Processes) -> None:
        self._surveyor = surveyor
        self._file: MetricsFile | None = None
        known: set[int] = set()
        if surveyor is not None and processes.first:
            # The start's own point is step 0's: a run that begins again measures it again.
            self._file = MetricsFile(output / POINTS, begin or -1)
            known = {point.step for point in read_points(output)}
        self._known = processes.gather(known)[0]

    def measured(self, step: int, path: Path | str, proxy: Callable[[], float] | None = None) -> CheckpointPoint | None:
        """A checkpoint's point; None where it is known already, or checkpoints are not measured."""
        if self._surveyor is None or step in self._known:
            return None
        point = self._surveyor.point(step, path, None if proxy is None else proxy())
        if self._file is not None:
            self._file.write(point)
        return point

    def __exit__(self, *error: object) -> None:
        if self._file is not None:
            self._file.close()
