"""Sums of usage."""

from __future__ import annotations

from reflexa.types import Usage


def test_usage_adds_up_and_an_unknown_price_stays_unknown() -> None:
    known, unknown = Usage(input_tokens=1, output_tokens=2, cost_usd=0.5), Usage(input_tokens=10)
    assert (known + known).cost_usd == 1.0
    assert (known + unknown).tokens == 13
    assert (unknown + unknown).cost_usd is None
