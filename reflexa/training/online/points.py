"""What a checkpoint is worth, measured on the spot: its distance to the start, its reward, its true reward."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from reflexa.rows import CheckpointPoint
from reflexa.training.engine.batching import Batches
from reflexa.training.online.experience import experience_of
from reflexa.training.online.learning import Learner
from reflexa.training.online.passes import Start
from reflexa.training.online.playing import Played
from reflexa.training.online.rollouts import OnlinePrompt, Reward
from reflexa.training.online.sampling import Roller

_NUMBER = 2**40
"""Numbers of draws that no step has."""


@dataclass(frozen=True)
class Examination:
    """Held-out prompts, and what an answer to one is truly worth. Each is answered once, by the likeliest tokens.

    The run's own reward is asked about answers to them too: it is the proxy that the true reward is compared with.
    """

    prompts: tuple[OnlinePrompt, ...]
    reward: Reward | Played


HeldOut = Examination | Callable[[Path, int], float]
"""How a checkpoint is truly judged: on held-out prompts with the weights as they are; or by a callable that is given
the checkpoint's folder and its step."""


@dataclass
class Surveyor:
    """Measures the policy as it is. ``prompts`` are the run's own, ``weights`` those of the reward's parts."""

    prompts: Sequence[OnlinePrompt]
    weights: dict[str, float]
    roller: Roller
    learner: Learner
    start: Start
    held_out: HeldOut | None

    def point(self, step: int, path: Path | str) -> CheckpointPoint:
        """The point of a checkpoint. Its KL and its proxy are of one sample of each held-out prompt, where there are
        such; else of the run's own.
        """
        prompts = self._sampled()
        groups = self.roller.roll(prompts, _NUMBER, samples=1)
        proxy = float(experience_of(groups, self.weights).rewards.mean())
        kl = self.learner.measured(groups, self.start)["kl/sequence"] if step else 0.0
        rewards = self._held_out(step, path)
        true = sum(rewards) / len(rewards) if rewards else None
        # What a callable gives is a mean already: of how many tasks, and what each was worth, it alone knows.
        each = rewards if isinstance(self.held_out, Examination) else ()
        return CheckpointPoint(
            step=step, path=str(path), kl=kl, proxy=proxy, true=true, n=len(each), rewards=tuple(each)
        )

    def _sampled(self) -> list[OnlinePrompt]:
        """Up to as many prompts as are wanted, always the same."""
        pool = self.held_out.prompts if isinstance(self.held_out, Examination) else self.prompts
        order = Batches((1,) * len(pool), len(pool), 1, seed=0).rows_of(0)
        return [pool[index] for index in sorted(order[: self.roller.config.points.prompts])]

    def _held_out(self, step: int, path: Path | str) -> list[float]:
        """The true rewards of held-out prompts, or their mean alone; empty where there are none."""
        if self.held_out is None:
            return []
        if isinstance(self.held_out, Examination):
            groups = self.roller.greedy(self.held_out.prompts, self.held_out.reward)
            return [float(value) for value in experience_of(groups, {}).rewards[:, 0]]
        return [float(self.held_out(Path(path), step))]
