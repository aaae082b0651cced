"""What a run may spend, checked before each call."""

from __future__ import annotations

import time
from threading import Lock

from reflexa.errors import BudgetExceededError
from reflexa.types import Frozen, Usage


class Limits(Frozen):
    """Dollars, tokens (prompt and completion together) and wall-clock seconds; None is no limit."""

    cost_usd: float | None = None
    tokens: int | None = None
    seconds: float | None = None


class Budget:
    """A run's spending against its limits. Calls that are under way may overshoot; a further one is not begun."""

    def __init__(self, limits: Limits | None = None, spent: Usage | None = None) -> None:
        self._limits = limits or Limits()
        self._spent = spent or Usage()
        self._started = time.monotonic()
        self.calls = 0
        self._unpriced = False
        self._lock = Lock()

    @property
    def spent(self) -> Usage:
        return self._spent

    def add(self, usage: Usage) -> None:
        with self._lock:
            self._spent += usage
            self.calls += 1
            self._unpriced = self._unpriced or usage.cost_usd is None

    def check(self) -> None:
        """Raises ``BudgetExceededError`` where a limit is reached."""
        limits, spent, seconds = self._limits, self._spent, time.monotonic() - self._started
        if limits.cost_usd is not None and (spent.cost_usd or 0.0) >= limits.cost_usd:
            raise BudgetExceededError(f"the budget of ${limits.cost_usd:.2f} is spent (${spent.cost_usd:.4f})")
        if limits.cost_usd is not None and self._unpriced:
            raise BudgetExceededError(
                "the price of a call is unknown, so a limit in dollars cannot be held: limit tokens or seconds instead"
            )
        if limits.tokens is not None and spent.tokens >= limits.tokens:
            raise BudgetExceededError(f"the budget of {limits.tokens:,} tokens is spent ({spent.tokens:,})")
        if limits.seconds is not None and seconds >= limits.seconds:
            raise BudgetExceededError(f"the budget of {limits.seconds:g} seconds is spent")
