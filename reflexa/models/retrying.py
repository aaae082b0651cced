"""The one retry loop around a hosted call: which wait follows which failure, and when to give up."""

from __future__ import annotations

import email.utils
import math
import random
import threading
import time
from collections.abc import Callable
from datetime import UTC
from typing import TypeVar

import tenacity
from pydantic import Field

from reflexa.errors import PolicyError, TransientPolicyError
from reflexa.types import Frozen

T = TypeVar("T")


class Backoff(Frozen):
    """Exponential backoff with full jitter, in seconds.

    The wait after the k-th failure is drawn from 0 to ``first`` × 2^(k - 1), at most ``most``.
    """

    first: float = Field(default=0.5, gt=0.0)
    most: float = Field(default=30.0, gt=0.0)

    def wait(self, failures: int) -> float:
        """Seconds to wait after so many failures (from 1)."""
        ceiling = min(self.most, self.first * 2.0 ** min(failures - 1, 60))
        return random.uniform(0.0, ceiling)  # noqa: S311 - spreads load, hides nothing


class RetryLoop(Frozen):
    """Calls until an answer, a permanent error, ``max_tries`` or the deadline (seconds for all tries together)."""

    max_tries: int = Field(ge=1)
    deadline: float = Field(gt=0.0)
    backoff: Backoff = Backoff()

    def run(self, call: Callable[[float], T], cancelled: threading.Event) -> T:
        """Returns ``call(end)``, where ``end`` is the deadline on ``time.monotonic()``'s scale.

        Retries ``TransientPolicyError`` alone, never before the server's ``retry_after``. Raises ``PolicyError``
        once it gives up; a set ``cancelled`` ends the waits.
        """
        started = time.monotonic()
        end = started + self.deadline
        loop = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(TransientPolicyError),
            wait=self._wait,
            stop=tenacity.stop_any(
                tenacity.stop_after_attempt(self.max_tries),
                tenacity.stop_before_delay(self.deadline),
                tenacity.stop_when_event_set(cancelled),
            ),
            sleep=tenacity.sleep_using_event(cancelled),
            retry_error_callback=lambda state: _Exhausted(state),
        )
        outcome = loop(call, end)
        if isinstance(outcome, _Exhausted):
            raise self._give_up(outcome.state, time.monotonic() - started)
        return outcome

    def _wait(self, state: tenacity.RetryCallState) -> float:
        error = _failure(state)
        asked = error.retry_after if error is not None else None
        return max(asked or 0.0, self.backoff.wait(state.attempt_number))

    def _give_up(self, state: tenacity.RetryCallState, seconds: float) -> PolicyError:
        error = _failure(state)
        tries = f"{state.attempt_number} {'try' if state.attempt_number == 1 else 'tries'} in {seconds:.1f} s"
        if error is not None and error.retry_after is not None and state.attempt_number < self.max_tries:
            return PolicyError(
                f"{error} (after {tries}); the server asks to wait {error.retry_after:.0f} s, which is past "
                f"the deadline of {self.deadline:.0f} s for a call: run again later, or with fewer calls at once"
            )
        return PolicyError(
            f"{error} (after {tries}): run again with --resume once the server answers, or raise the deadline"
        )


class _Exhausted:
    def __init__(self, state: tenacity.RetryCallState) -> None:
        self.state = state


def _failure(state: tenacity.RetryCallState) -> TransientPolicyError | None:
    error = state.outcome.exception() if state.outcome is not None else None
    return error if isinstance(error, TransientPolicyError) else None


def retry_after_seconds(header: str | None, now: float) -> float | None:
    """Seconds that a ``Retry-After`` header asks for: a number, or an HTTP date.

    ``now`` is in seconds since the epoch.
    None where there is no header, or none that can be read (RFC 9110, section 10.2.3).
    """
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            moment = email.utils.parsedate_to_datetime(header)
        except ValueError:
            return None
        # A date without a zone is in UTC, as RFC 9110 has all of them.
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now
    return max(0.0, seconds) if math.isfinite(seconds) else None
