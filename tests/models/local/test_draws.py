"""Draws: the right shares, each row's own numbers, and nothing that depends on the rows beside it."""

from __future__ import annotations

import math
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")

from reflexa.models.local.draws import Drawer, Settings, choose, uniform  # noqa: E402  (needs torch)

ROWS = 4000


def draw(logits: Any, temperature: float, top_p: float = 1.0) -> tuple[Any, Any]:
    """One draw for each row of ``logits``, and its log-probability."""
    drawers = [Drawer(Settings((7, row), temperature, top_p)) for row in range(len(logits))]
    return choose(logits, drawers, [3] * len(logits))


def shares(logits: Any, temperature: float, top_p: float = 1.0) -> list[float]:
    """How often each token is drawn."""
    tokens, _ = draw(logits.expand(ROWS, -1), temperature, top_p)
    return [count / ROWS for count in torch.bincount(tokens, minlength=logits.shape[0]).tolist()]


def test_the_likeliest_is_taken_at_temperature_0() -> None:
    tokens, logprobs = draw(torch.tensor([[0.0, math.log(3.0), -100.0], [5.0, 3.0, 2.0]]), 0.0)
    assert tokens.tolist() == [1, 0]
    assert logprobs[0].item() == pytest.approx(math.log(0.75))


def test_rows_that_are_not_scored_take_the_same_tokens() -> None:
    logits = torch.randn(32, 5000, generator=torch.Generator().manual_seed(0)).bfloat16()
    logits[:, [70, 4000]] = 9.0  # the first of equals
    plain = [Drawer(Settings((7, row), 0.0, 1.0, scored=False)) for row in range(32)]
    tokens, logprobs = choose(logits, plain, [3] * 32)
    assert tokens.tolist() == draw(logits, 0.0)[0].tolist() == [70] * 32
    assert logprobs.isnan().all()
    drawn = Drawer(Settings((1,), 1.0, 1.0, scored=False))
    assert not choose(logits, [*plain[1:], drawn], [3] * 32)[1].isnan().any()


def test_draws_follow_the_tempered_probabilities_and_log_probabilities_are_the_models_own() -> None:
    logits = torch.tensor([0.1, 0.3, 0.6]).log()
    assert shares(logits * 0.5, 0.5) == pytest.approx([0.1, 0.3, 0.6], abs=0.03)
    tokens, logprobs = draw(logits.expand(50, 3), 0.5)
    assert logprobs.tolist() == pytest.approx(logits[tokens].tolist())


def test_every_token_of_a_long_vocabulary_has_its_share() -> None:
    weights = torch.arange(1.0, 1001.0)
    tokens, _ = draw(weights.log().expand(ROWS, -1), 1.0)
    # Of weights that grow in proportion, a quarter lies in the lower half.
    assert float((tokens < 500).double().mean()) == pytest.approx(0.25, abs=0.03)
    assert int(tokens.max()) < 1000
    alone = torch.full((ROWS, 1000), float("-inf"))
    alone[:, 999] = 0.0
    assert set(draw(alone, 1.0)[0].tolist()) == {999}


@pytest.mark.parametrize("rest", [0, 2000], ids=["a small vocabulary", "a long tail"])
def test_a_nucleus_keeps_the_fewest_tokens_that_reach_top_p(rest: int) -> None:
    logits = torch.cat([torch.tensor([0.2, 0.5, 0.3]), torch.full((rest,), 1e-6)]).log()
    assert shares(logits, 1.0, 0.6)[:3] == pytest.approx([0.0, 0.625, 0.375], abs=0.03)


def test_a_wide_nucleus_is_found_too() -> None:
    tokens, _ = draw(torch.linspace(0.0, -1e-3, 2000).expand(ROWS, -1), 1.0, 0.5)
    assert 900 < int(tokens.max()) <= 1000


def test_rows_of_different_settings_share_a_draw() -> None:
    logits = torch.tensor([0.2, 0.5, 0.3]).log().expand(300, 3)
    settings = [Settings((row,), (0.0, 1.0, 1.0)[row % 3], (1.0, 0.6, 1.0)[row % 3]) for row in range(300)]
    tokens, _ = choose(logits, [Drawer(one) for one in settings], [0] * 300)
    assert [set(tokens[kind::3].tolist()) for kind in range(3)] == [{1}, {1, 2}, {0, 1, 2}]


def test_numbers_are_even_and_independent_from_row_to_row_and_place_to_place() -> None:
    drawers = [Drawer(Settings((7, row), 1.0, 1.0)) for row in range(ROWS)]
    first, second = (uniform([drawer.state(place) for drawer in drawers]) for place in (0, 1))
    assert float(first.min()) >= 0
    assert float(first.max()) < 1
    assert float(first.mean()) == pytest.approx(0.5, abs=0.02)
    for other in (second, first.roll(1)):
        assert float(torch.corrcoef(torch.stack([first, other]))[0, 1]) == pytest.approx(0.0, abs=0.05)


def test_a_rows_numbers_are_its_keys_alone() -> None:
    keys = [(3, 0, 1), (3, 1, 0), (4, 0, 1), (3, 0, 2), (-3, 0, 2), (2**70,)]
    states = [Drawer(Settings(key, 1.0, 1.0)).state(5) for key in keys]
    assert len(set(states)) == len(keys)
    assert states == [Drawer(Settings(key, 0.5, 0.9)).state(5) for key in keys]
