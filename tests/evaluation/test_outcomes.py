"""What would have been handed in, had an episode stopped earlier."""

from __future__ import annotations

import pytest

from reflexa.evaluation import submitted
from reflexa.evaluation.outcomes import failed, solved, solved_after, tokens_by_attempt
from tests.evaluation.support import episode, verdict


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([], None),
        ([0.2], 0),
        ([0.2, 1.0, 0.5, 1.0], 1),
        ([0.5, 0.2, 0.5, 0.1], 2),
        ([0.0, 0.0], 1),
        ([None, None], 1),
        ([0.0, None], 0),
    ],
)
def test_the_first_that_passed_else_the_best_else_the_latest(scores: list[float | None], expected: int | None) -> None:
    assert submitted([verdict(score) for score in scores]) == expected


def test_an_earlier_stop_hands_in_what_stood_then() -> None:
    # The judge passes the first and the last attempt; the feedback liked the second one better than the first.
    told = episode(0, [(0.3, 1.0), (0.6, 0.0), (1.0, 1.0)])
    assert [solved_after(told, attempts) for attempts in (1, 2, 3, 4)] == [True, False, True, True]


def test_the_episodes_own_choice_counts_at_its_end() -> None:
    assert solved(episode(0, [(0.3, 1.0), (0.6, 0.0)], submitted=0))
    assert solved_after(episode(0, [(0.3, 1.0), (0.6, 0.0)], submitted=0), 2)


def test_an_episode_that_broke_is_unsolved_throughout() -> None:
    broken = episode(0, [(0.3, 1.0), (1.0, 1.0)], stop_reason="error")
    assert failed(broken)
    assert not solved(broken)
    assert not solved_after(broken, 1)
    assert failed(episode(0, []).model_copy(update={"error": "lost"}))


def test_an_episode_without_attempts_is_unsolved() -> None:
    assert not solved_after(episode(0, []), 1)


def test_tokens_add_up_and_the_calls_between_attempts_fall_on_the_retries() -> None:
    assert tokens_by_attempt(episode(0, [(0, 0), (0, 0), (0, 0)], overhead=41)) == (100, 220, 341)
    assert tokens_by_attempt(episode(0, [(0, 0)], overhead=41)) == (141,)
    assert tokens_by_attempt(episode(0, [])) == ()
