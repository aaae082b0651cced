"""Rewards: their parts, their weights, and the threads that they are found on while sampling goes on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from types import TracebackType
from typing import Self

import regex

from reflexa.errors import UsageError, VerifierError
from reflexa.training.objectives.shaping import overlong_penalty
from reflexa.training.online.rollouts import Answer, Reward, StepRewards

_PATTERN_SECONDS = 1.0


def parts(**rewards: Reward) -> Reward:
    """Several rewards as the parts of one, each under its name."""

    def reward(answer: Answer) -> dict[str, float]:
        return {name: total(each(answer), {}) for name, each in rewards.items()}

    return reward


def overlong(limit: int, cache: int) -> Reward:
    """DAPO's penalty of long answers: 0, falling to −1 within the last ``cache`` of ``limit`` tokens."""
    return lambda answer: overlong_penalty(answer.tokens, limit, cache)


def follows(pattern: str) -> Reward:
    """1 for an answer that the pattern matches as a whole (``.`` matches line ends too), else 0.

    Raises ``UsageError`` for a malformed pattern; the reward raises ``VerifierError`` where matching takes too long.
    """
    try:
        wanted = regex.compile(pattern, flags=regex.DOTALL)
    except regex.error as error:
        raise UsageError(f"the format {pattern!r} is no regular expression: {error}") from error

    def reward(answer: Answer) -> float:
        try:
            return float(wanted.fullmatch(answer.text, timeout=_PATTERN_SECONDS) is not None)
        except TimeoutError as error:
            raise VerifierError(
                f"the format {pattern!r} was not matched in {_PATTERN_SECONDS} s: simplify it"
            ) from error

    return reward


def total(reward: float | Mapping[str, float], weights: Mapping[str, float]) -> float:
    """The weighted sum of a reward's parts; a part that ``weights`` does not name counts once.

    Raises ``UsageError`` where ``weights`` names a part that the reward does not have.
    """
    named = reward if isinstance(reward, Mapping) else {"reward": reward}
    unknown = sorted(weights.keys() - named.keys())
    if unknown:
        raise UsageError(f"weights name {', '.join(unknown)}: the reward's parts are {', '.join(sorted(named))}")
    return math.fsum(weights.get(name, 1.0) * value for name, value in named.items())


class Judging:
    """Finds rewards on threads. A context manager; the first failure is raised by the next call.

    ``asked`` may be called while sampling goes on; ``found`` waits for one answer's parts.
    """

    def __init__(self, reward: Reward, workers: int) -> None:
        self._reward, self._pool = reward, ThreadPoolExecutor(workers, thread_name_prefix="reward")
        self._failed = Event()
        self._failure: BaseException | None = None

    def asked(self, answer: Answer) -> Future[Mapping[str, float]]:
        """Begins to judge an answer. Raises what an earlier one raised."""
        self._check()
        return self._pool.submit(self._judge, answer)

    def found(self, future: Future[Mapping[str, float]]) -> Mapping[str, float]:
        """The parts of one answer's reward, by name."""
        self._check()
        return future.result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _check(self) -> None:
        if self._failed.is_set() and self._failure is not None:
            raise self._failure

    def _judge(self, answer: Answer) -> Mapping[str, float]:
        try:
            return named_parts(self._reward(answer), answer)
        except BaseException as error:
            self._failure = error
            self._failed.set()
            raise


def named_parts(reward: float | Mapping[str, float], answer: Answer) -> Mapping[str, float]:
    """A reward's parts by name. Raises ``VerifierError`` where one is no finite number."""
    named = {
        name: float(value) for name, value in (reward if isinstance(reward, Mapping) else {"reward": reward}).items()
    }
    broken = [name for name, value in named.items() if not math.isfinite(value)]
    if broken or not named:
        raise VerifierError(
            f"the reward of sample {answer.sample} of prompt {answer.prompt.id} is {named}: expected finite numbers"
        )
    return reward if isinstance(reward, StepRewards) else named
