"""A run's table."""

from __future__ import annotations

import pytest

from reflexa.evaluation.statistics import wilson
from reflexa.evaluation.summary import summarise, total_usage
from reflexa.types import Usage
from tests.evaluation.support import episode, run

EPISODES = [
    episode(0, [(1.0, 1.0)]),
    episode(1, [(0.0, 0.0), (1.0, 1.0)]),
    episode(2, [(0.5, 1.0), (0.6, 0.0), (0.2, 0.0)], submitted=1),
    episode(3, [(0.0, 1.0)], stop_reason="error"),
    episode(4, [(1.0, 0.0)]),
]


def test_a_run_is_counted_attempt_by_attempt() -> None:
    summary = summarise(run("a"), EPISODES)
    assert summary.solved_by_attempt == (2, 2, 2)  # {0, 2}, then {0, 1}, and task 2 stays lost to its feedback
    assert summary.pass_by_attempt == (0.4, 0.4, 0.4)
    assert (summary.pass_at_1, summary.solved, summary.n_tasks, summary.errors) == (0.4, 2, 5, 1)
    assert summary.ci95 == wilson(2, 5)
    assert (summary.calls, summary.tokens, summary.output_tokens, summary.cost_usd) == (8, 800, 800, None)
    assert (summary.run_id, summary.suite, summary.split, summary.oracle) == ("a", "own", "test", False)


def test_the_last_column_is_what_was_solved() -> None:
    for attempts in (1, 2, 5):
        summary = summarise(run("a", attempts=attempts), EPISODES)
        assert len(summary.pass_by_attempt) == max(attempts, 3)
        assert summary.solved_by_attempt[-1] == summary.solved


def test_an_oracle_run_is_marked() -> None:
    assert summarise(run("a", feedback="oracle"), EPISODES).oracle


def test_time_is_the_runs_own_where_it_is_known() -> None:
    assert summarise(run("a"), EPISODES).seconds == pytest.approx(10.0)
    assert summarise(run("a"), EPISODES, seconds=4.0).seconds == 4.0
    finished = run("a").model_copy(update={"created": 100.0, "finished": 107.5})
    assert summarise(finished, EPISODES).seconds == pytest.approx(7.5)


def test_a_run_without_episodes_is_all_noughts() -> None:
    summary = summarise(run("a", attempts=2), [])
    assert (summary.n_tasks, summary.pass_by_attempt, summary.ci95) == (0, (0.0, 0.0), (0.0, 1.0))


def test_known_costs_are_summed() -> None:
    priced = [e.model_copy(update={"usage": Usage(input_tokens=1, cost_usd=0.25)}) for e in EPISODES[:2]]
    assert total_usage([*priced, EPISODES[2]]).cost_usd == pytest.approx(0.5)
