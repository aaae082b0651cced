"""When a check's time is over: by the wall clock, but what its processes wait for a CPU is not theirs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from reflexa.errors import SandboxError

PATIENCE = 10
"""A check takes at most so many times its seconds by the wall clock; on a machine that is so busy it is an error."""
_FIRST_LOOK = 0.1
"""Part of a check's time after which the waits are first looked at: nearly every check has ended by then."""
_LEAST_GAIN = 0.02
"""Part of a check's time that it must at least have waited for to be given it back."""
Waits = Callable[[], Mapping[int, float]]
"""Seconds that each process of a check has waited for a CPU in its life."""


class OutOfTimeError(Exception):
    """The check's time is over."""


class Deadline:
    """The end of a check that begins now, moved on by what its processes wait for a CPU meanwhile."""

    def __init__(self, seconds: float, waits: Waits = dict) -> None:
        begun = time.monotonic()
        self._seconds = seconds
        self._waits = waits
        self._first_look = begun + _FIRST_LOOK * seconds
        self._end = begun + seconds
        self._last = begun + PATIENCE * seconds
        self._seen: Mapping[int, float] | None = None

    def left(self) -> float:
        """Seconds until the end as it stands, and at least a millisecond: what a socket may be waited for."""
        return max(0.001, self._end - time.monotonic())

    def pause(self) -> float:
        """Seconds to wait before asking again.

        Raises ``OutOfTimeError`` once the time is over, ``SandboxError`` where the machine is too busy to say so.
        """
        now = time.monotonic()
        if self._seen is None:
            if now < self._first_look:
                return self._first_look - now
            self._seen = self._waits()
        if now >= self._end:
            self._move_on(now)
        return self._end - now

    def _move_on(self, now: float) -> None:
        waits, before = self._waits(), self._seen or {}
        waited = sum(max(0.0, seconds - before.get(pid, 0.0)) for pid, seconds in waits.items())
        if waited < _LEAST_GAIN * self._seconds:
            raise OutOfTimeError
        if now >= self._last:
            raise SandboxError(
                f"the check waited for a CPU for most of {now - self._last + PATIENCE * self._seconds:.0f} s: "
                "the machine has too much to do; run less at once"
            )
        self._seen = waits
        self._end = min(now + waited, self._last)
