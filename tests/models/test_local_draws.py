"""Draws: the right shares, each row's own numbers, and nothing that depends on the rows beside it."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")

from reflexa.models.local_draws import Draws  # noqa: E402  (needs torch)

MANY = Draws([(7, row) for row in range(4000)])


def test_the_likeliest_is_taken_at_temperature_0() -> None:
    logits = torch.tensor([[0.1, 3.0, 2.0], [5.0, 3.0, 2.0]])
    assert Draws([(0,), (1,)]).choose(logits, 0, 0.0, 1.0).tolist() == [1, 0]


def test_draws_follow_the_tempered_probabilities() -> None:
    logits = torch.tensor([0.1, 0.3, 0.6]).log().expand(4000, 3) * 0.5
    drawn = MANY.choose(logits, 3, 0.5, 1.0)
    assert (drawn.bincount(minlength=3) / 4000).tolist() == pytest.approx([0.1, 0.3, 0.6], abs=0.03)


def test_a_nucleus_keeps_the_fewest_tokens_that_reach_top_p() -> None:
    logits = torch.tensor([0.2, 0.5, 0.3]).log().expand(4000, 3)
    drawn = MANY.choose(logits, 0, 1.0, 0.6).bincount(minlength=3) / 4000
    assert drawn.tolist() == pytest.approx([0.0, 0.625, 0.375], abs=0.03)


def test_numbers_are_even_and_independent_from_place_to_place() -> None:
    first, second = MANY.uniform(0), MANY.uniform(1)
    assert float(first.min()) >= 0
    assert float(first.max()) < 1
    assert float(first.mean()) == pytest.approx(0.5, abs=0.02)
    assert float(torch.corrcoef(torch.stack([first, second]))[0, 1]) == pytest.approx(0.0, abs=0.05)
    assert float(torch.corrcoef(torch.stack([first[:-1], first[1:]]))[0, 1]) == pytest.approx(0.0, abs=0.05)


def test_a_rows_numbers_are_its_keys_alone() -> None:
    keys = [(3, 0, 1), (3, 1, 0), (4, 0, 1), (3, 0, 2)]
    together = Draws(keys).uniform(5).tolist()
    assert together == [Draws([key]).uniform(5).item() for key in keys]
    assert len(set(together)) == 4
