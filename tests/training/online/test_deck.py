"""Which prompts come: all of them once an epoch, those set aside later, and the same again from a state."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from hypothesis import given
from hypothesis import strategies as some

from reflexa.training.online.config import GateConfig
from reflexa.training.online.deck import Deck, DeckState
from reflexa.training.online.rollouts import OnlinePrompt
from tests.training.online.made import group, rollout

PROMPTS = [OnlinePrompt(id=f"p{n}", prompt=str(n)) for n in range(7)]


def names(prompts: list[OnlinePrompt]) -> list[str]:
    return [prompt.id for prompt in prompts]


@given(some.integers(0, 50), some.lists(some.integers(1, 9), min_size=1, max_size=8))
def test_every_epoch_has_all_prompts_and_a_deck_goes_on_from_its_state(seed: int, counts: list[int]) -> None:
    deck = Deck(PROMPTS, seed, None, DeckState())
    drawn: list[str] = []
    for step, count in enumerate(counts):
        again = Deck(PROMPTS, seed, None, DeckState.model_validate_json(deck.state.model_dump_json()))
        now = names(deck.draw(count, step))
        assert now == names(again.draw(count, step))
        drawn += now
    for epoch in range(len(drawn) // 7):
        assert sorted(drawn[7 * epoch : 7 * epoch + 7]) == names(PROMPTS)
    assert deck.epochs == sum(counts) / 7


def test_what_was_solved_always_or_never_is_set_aside_and_tried_again() -> None:
    deck = Deck(PROMPTS, 0, GateConfig(after=2, probe=3), DeckState())
    for step in (0, 1):
        deck.told([group("p0", 1, 1), group("p1", 0, 0), group("p2", 0, 1)], step)
    assert deck.state.aside == {"p0": 1, "p1": 1}
    assert sorted(names(deck.draw(5, 2))) == ["p2", "p3", "p4", "p5", "p6"]
    while not {"p0", "p1"} <= set(names(deck.draw(7, 4))):
        pass
    deck.told([group("p0", 1, 1), group("p1", 0, 1)], 4)
    assert deck.state.aside == {"p0": 4}
    assert "p1" not in deck.state.streaks


def test_where_all_are_set_aside_some_come_all_the_same() -> None:
    deck = Deck(PROMPTS, 0, GateConfig(after=1, probe=100), DeckState())
    deck.told([group(prompt.id, 0, 0) for prompt in PROMPTS], 0)
    assert len(deck.state.aside) == 7
    assert len(deck.draw(3, 1)) == 3


def test_a_part_of_the_reward_can_tell_what_is_solved() -> None:
    deck = Deck(PROMPTS, 0, GateConfig(after=1, part="tests", solved=0.5), DeckState())
    rollouts = tuple(rollout(0, tests=value, length=-5.0) for value in (0.5, 1.0))
    deck.told([type(group("p0", 0))(PROMPTS[0], group("p0", 0).tokens, rollouts)], 3)
    assert deck.state.aside == {"p0": 3}


def test_without_gates_nothing_is_kept() -> None:
    deck = Deck(PROMPTS, 0, None, DeckState())
    deck.told([group("p0", 0, 0)], 0)
    assert deck.state == DeckState()
