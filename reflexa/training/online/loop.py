"""The online loop: sample, judge, learn, look, keep; and a stop that says why."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch

from reflexa.errors import TrainingError, VerifierError, WorldError
from reflexa.training.algorithms.online_algorithm import OnlineOptions
from reflexa.training.engine.loop import is_out_of_memory
from reflexa.training.engine.metrics import StepReport
from reflexa.training.online.alarms import Alarm, Watch, WatchState
from reflexa.training.online.config import OnlineConfig
from reflexa.training.online.deck import Deck, DeckState
from reflexa.training.online.experience import experience_of
from reflexa.training.online.learning import Learner
from reflexa.training.online.passes import Start
from reflexa.training.online.rollouts import Group
from reflexa.training.online.sampling import Roller
from reflexa.training.online.summary import informative, new_tokens, summary
from reflexa.training.online.updates import Learnt
from reflexa.types import Frozen

_SEEDS = 2**63
_ROUNDS = 1024
"""Numbers of draws that a step may use."""
_COARSER = ("entropy", "kl/k2", "kl/k3")


class LoopState(Frozen):
    """All that a run knows beside its weights: what its checkpoints keep so that it goes on alike."""

    deck: DeckState = DeckState()
    watch: WatchState = WatchState()
    recompute: bool = False
    penalty: float | None = None


@dataclass
class Since:
    """What there was since this call began: for rates, and the time that is left."""

    began: float = field(default_factory=time.monotonic)
    tokens: int = 0
    steps: int = 0

    @property
    def seconds(self) -> float:
        return max(time.monotonic() - self.began, 1e-9)


@dataclass
class OnlineLoop:
    """Runs steps. ``tell`` is given the report of every step that is whole; ``keep`` writes the checkpoint of a step,
    given the mean reward since the one before, and returns its folder.
    """

    config: OnlineConfig
    options: OnlineOptions
    deck: Deck
    watch: Watch
    roller: Roller
    learner: Learner
    start: Start
    keep: Callable[[int, float, LoopState], Path]
    tell: Callable[[StepReport], None]
    recompute: bool = False
    rewards: list[float] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)

    def run(self, first: int, last: Path | None) -> int:
        """Steps from ``first`` on; the tokens sampled.

        Raises ``TrainingError`` where the numbers break, memory runs out or an alarm stops the run, ``VerifierError``
        where a reward broke: both name the last good checkpoint ``last``.
        """
        since = Since()
        for step in range(first, self.config.steps):
            # All that is random in a step follows from its number, so a resumed run draws what the first one drew.
            torch.manual_seed((self.config.seed * 1_000_003 + step) % _SEEDS)
            with explained(step + 1, last):
                self.tell(self._step(step, since))
                if self._is_due(step + 1):
                    last = self._kept(step + 1)
        return since.tokens

    def _step(self, step: int, since: Since) -> StepReport:
        began, clock = time.monotonic(), self.roller.clock
        clock.sampling = clock.verifying = 0.0
        sampled, used = self._sampled(step)
        rolled = time.monotonic()
        measures = bool(self.options.kl or self.options.kl_reward) or (step + 1) % self.config.kl_every == 0
        learnt = self.learner.learn(used, self.start if measures else None, step, self.recompute)
        experience = experience_of(sampled, self.options.weights)
        metrics = {**summary(experience), **_told_of(learnt)}
        metrics |= {"seconds/sampling": clock.sampling, "seconds/verifying": clock.verifying}
        metrics["seconds/learning"] = time.monotonic() - rolled
        if self.options.refills:
            metrics["refilled"] = (len(sampled) - self.config.prompts) / self.config.prompts
        self.rewards.append(metrics["reward"])
        self.deck.told(sampled, step)
        alarms = self._looked(metrics, step + 1)
        tokens = new_tokens(sampled)
        since.tokens, since.steps = since.tokens + tokens, since.steps + 1
        metrics["new_tokens_per_second"] = tokens / max(time.monotonic() - began, 1e-9)
        return StepReport(
            step=step + 1,
            steps=self.config.steps,
            epoch=self.deck.epochs,
            loss=learnt.loss,
            metrics=metrics,
            norm=learnt.norm,
            learning_rate=learnt.rate,
            tokens=tokens,
            tokens_per_second=since.tokens / since.seconds,
            seconds_left=since.seconds / since.steps * (self.config.steps - step - 1),
            alarms=tuple(map(str, alarms)) or None,
        )

    def _sampled(self, step: int) -> tuple[list[Group], list[Group]]:
        """All groups of a step, and those to learn from: with ``refills`` only groups whose rewards differ."""
        wanted = self.config.prompts
        sampled = self.roller.roll(self.deck.draw(wanted, step), step * _ROUNDS)
        used = list(sampled)
        for refill in range(1, self.options.refills + 1):
            used = [group for group in used if self._informative(group)]
            missing = wanted - len(used)
            if not missing:
                break
            more = self.roller.roll(self.deck.draw(missing, step), step * _ROUNDS + refill)
            sampled, used = sampled + more, used + more
        if self.options.refills:
            used = [group for group in used if self._informative(group)] or used[:1] or sampled[:1]
        return sampled, used

    def _informative(self, group: Group) -> bool:
        return informative(experience_of([group], self.options.weights).rewards[0])

    def _looked(self, metrics: dict[str, float], step: int) -> list[Alarm]:
        alarms = self.watch.look(metrics, step)
        self.alarms.extend(alarms)
        self.recompute = self.recompute or any(alarm.rule == "mismatch" for alarm in alarms)
        stopping = [str(alarm) for alarm in alarms if alarm.stops]
        if stopping:
            raise TrainingError(f"stopped by {'; '.join(stopping)}")
        return alarms

    def _is_due(self, done: int) -> bool:
        every = self.config.checkpoints.every
        return done == self.config.steps or (every is not None and done % every == 0)

    def _kept(self, done: int) -> Path:
        mean = sum(self.rewards) / max(1, len(self.rewards))
        self.rewards = []
        state = LoopState(
            deck=self.deck.state, watch=self.watch.state, recompute=self.recompute, penalty=self.learner.penalty
        )
        return self.keep(done, mean, state)


def _told_of(learnt: Learnt) -> dict[str, float]:
    """The updates' metrics, but for those that the step's samples or their measured KL tell better."""
    return {name: value for name, value in learnt.metrics.items() if name not in _COARSER}


@contextmanager
def explained(
    step: int, last: Path | None, lower: str = "batch_tokens (learning) or slots (sampling)"
) -> Iterator[None]:
    """Errors of a step say which it was, what was kept, and what to ``lower`` where memory ran out."""
    good = f"the last good checkpoint is {last}" if last else "no checkpoint was written before it"
    try:
        yield
    except TrainingError as error:
        raise TrainingError(f"step {step}: {error}; {good}") from error
    except (VerifierError, WorldError) as error:
        raise type(error)(f"step {step}: the reward broke: {error}; {good}") from error
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise TrainingError(f"step {step}: out of memory; lower {lower}; {good}") from error
