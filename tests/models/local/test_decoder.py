"""The decoder's slots: rows that enter later, rows that are dropped, groups larger than the slots."""

from __future__ import annotations

from typing import Any

import pytest

from tests.training.models import llama

torch = pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")

from reflexa.models.local.attention import use_cell_attention  # noqa: E402
from reflexa.models.local.decoder import Decoder, Group  # noqa: E402
from reflexa.models.local.draws import Settings  # noqa: E402


@pytest.fixture(scope="module")
def model() -> Any:
    made = llama().eval()
    use_cell_attention(made)
    return made


def group(prompt: list[int], rows: int, limit: int, seed: int = 0) -> Group:
    draws = [Settings((seed, index), 1.0, 1.0) for index in range(rows)]
    return Group(prompt, draws, limit, lambda row: False)


def finish(decoder: Decoder) -> None:
    while decoder.busy:
        decoder.step()


def tokens(group: Group) -> list[list[int]]:
    return [row.tokens for row in group.rows]


def test_rows_that_enter_later_say_what_they_say_alone(model: Any) -> None:
    alone = [group([5, 6, 7], 2, 9), group([8], 1, 6, seed=1)]
    for one in alone:
        decoder = Decoder(model, 4)
        decoder.add(one)
        finish(decoder)
    first, later = group([5, 6, 7], 2, 9), group([8], 1, 6, seed=1)
    decoder = Decoder(model, 4)
    decoder.add(first)
    for _ in range(3):
        decoder.step()
    decoder.add(later)
    finish(decoder)
    assert [tokens(first), tokens(later)] == [tokens(one) for one in alone]
    # The later row entered at the fourth of nine steps and shared its own six with the others.
    assert decoder.work.steps == 9


def test_dropped_rows_leave_at_once_wherever_they_are(model: Any) -> None:
    kept, dropped = group([5, 6], 1, 5), group([7, 8], 4, 50)
    decoder = Decoder(model, 3)
    decoder.add(dropped)
    decoder.add(kept)
    decoder.step()
    assert [len(row.tokens) for row in dropped.rows] == [1, 1, 1, 0]
    decoder.drop(dropped.rows)
    decoder.drop(dropped.rows)
    assert [decoder.step() for _ in range(5)] == [[], [], [], [], kept.rows]
    assert not decoder.busy
    assert decoder.step() == []
    assert decoder.work.prompt_tokens == 4


def test_long_prompts_are_computed_in_portions(model: Any) -> None:
    calls = 0

    def count(*_: Any) -> None:
        nonlocal calls
        calls += 1

    handle = model.model.register_forward_hook(count)
    decoder = Decoder(model, 8)
    for length in (225, 250, 225, 225, 250, 3):
        decoder.add(group([9] * length, 1, 1))
    finish(decoder)
    handle.remove()
    assert decoder.work.prompt_tokens == 1178
    assert (calls, decoder.work.steps) == (2, 1)
