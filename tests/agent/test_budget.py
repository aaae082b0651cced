"""Budgets: checked before each call, and honest about prices that nobody knows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from reflexa.agent.budget import Budget, Limits
from reflexa.errors import BudgetExceededError
from reflexa.types import Usage


def test_no_limits_never_stop() -> None:
    budget = Budget()
    budget.add(Usage(input_tokens=10**9, output_tokens=10**9))
    budget.check()


def test_tokens_count_prompt_and_completion() -> None:
    budget = Budget(Limits(tokens=100))
    budget.add(Usage(input_tokens=60, output_tokens=39))
    budget.check()
    budget.add(Usage(input_tokens=1))
    with pytest.raises(BudgetExceededError, match="100 tokens is spent"):
        budget.check()


def test_dollars() -> None:
    budget = Budget(Limits(cost_usd=0.5))
    budget.add(Usage(cost_usd=0.3))
    budget.check()
    budget.add(Usage(cost_usd=0.3))
    with pytest.raises(BudgetExceededError, match=r"\$0\.50 is spent \(\$0\.6000\)"):
        budget.check()


def test_an_unknown_price_cannot_be_held_to_a_limit_in_dollars() -> None:
    budget = Budget(Limits(cost_usd=5.0))
    budget.add(Usage(input_tokens=1, cost_usd=None))
    with pytest.raises(BudgetExceededError, match="price of a call is unknown"):
        budget.check()


def test_zero_seconds_are_spent_at_once() -> None:
    with pytest.raises(BudgetExceededError, match="seconds is spent"):
        Budget(Limits(seconds=0.0)).check()


def test_concurrent_spending_is_not_lost() -> None:
    budget = Budget()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: budget.add(Usage(input_tokens=1, output_tokens=2)), range(2000)))
    assert budget.spent.tokens == 6000
    assert budget.calls == 2000
