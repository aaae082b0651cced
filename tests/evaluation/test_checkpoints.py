"""The choice of a checkpoint, by numbers worked out by hand."""

from __future__ import annotations

import math

import pytest

from reflexa.errors import UsageError
from reflexa.evaluation.checkpoints import choose_checkpoint, standard_error, study_checkpoints
from reflexa.rows import CheckpointPoint


def point(step: int, kl: float, proxy: float, true: float | None, n: int = 0) -> CheckpointPoint:
    return CheckpointPoint(step=step, path=f"step-{step}", kl=kl, proxy=proxy, true=true, n=n)


def by_task(step: int, kl: float, proxy: float, *rewards: float) -> CheckpointPoint:
    true = sum(rewards) / len(rewards)
    return CheckpointPoint(step=step, path=str(step), kl=kl, proxy=proxy, true=true, n=len(rewards), rewards=rewards)


def test_the_proxy_never_chooses() -> None:
    points = [point(0, 0, 0.0, 1.0), point(1, 1, 5.0, 3.0), point(2, 4, 9.0, 2.0)]
    assert choose_checkpoint(points).chosen.step == 1
    with pytest.raises(UsageError, match="no held-out true reward"):
        choose_checkpoint([point(1, 1, 5.0, None), point(2, 4, 9.0, math.nan)])


def test_a_tie_goes_to_the_one_nearer_to_the_start() -> None:
    """The best share, 0.60 of 100, has p̃ = 62/104 and an error of 0.0481: 0.56 is within it, 0.55 is not."""
    points = [
        point(0, 0, 0, 0.40, 100),
        point(1, 1, 1, 0.55, 100),
        point(2, 2, 2, 0.56, 100),
        point(3, 3, 3, 0.60, 100),
    ]
    choice = choose_checkpoint(points)
    assert choice.error == pytest.approx(math.sqrt(62 / 104 * 42 / 104 / 104))
    assert (choice.best.step, choice.chosen.step, choice.tied) == (3, 2, (2, 3))


def test_tasks_are_compared_in_pairs() -> None:
    """Each point alone scatters widely, but the best one is 1 better on every task: nothing ties."""
    points = [by_task(1, 1, 0, 0.0, 10.0, 20.0), by_task(2, 2, 0, 1.0, 11.0, 21.5)]
    assert choose_checkpoint(points).chosen.step == 2
    """One of three tasks made the whole difference: mean 1, error 1."""
    points = [by_task(1, 1, 0, 0.0, 10.0, 20.0), by_task(2, 2, 0, 0.0, 10.0, 23.0)]
    assert choose_checkpoint(points).chosen.step == 1


def test_errors() -> None:
    assert standard_error(by_task(1, 1, 0, 1.0, 3.0), shares=False) == pytest.approx(1.0)  # √2/√2
    assert standard_error(point(1, 1, 0, 1.0, 96), shares=True) == pytest.approx(math.sqrt(0.98 * 0.02 / 100))
    assert standard_error(point(1, 1, 0, 3.0, 96), shares=False) is None
    assert standard_error(point(1, 1, 0, 0.5), shares=True) is None


def test_rewards_outside_shares_tie_only_where_they_are_equal() -> None:
    points = [point(1, 1, 0, 2.99, 50), point(2, 2, 0, 3.0, 50), point(3, 3, 0, 3.0, 50)]
    choice = choose_checkpoint(points)
    assert (choice.chosen.step, choice.error) == (2, None)


def test_the_order_of_the_points_does_not_matter() -> None:
    points = [point(step, step, step, 0.5 + 0.01 * step, 400) for step in range(6)]
    assert choose_checkpoint(points) == choose_checkpoint(points[::-1])


def over_optimised() -> list[CheckpointPoint]:
    """A true gain of d(0.8 − 0.5·ln d), highest at √KL = 1.82, under a proxy that keeps rising."""
    points = [by_task(0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)]
    for step in range(1, 9):
        d = 0.6 * step
        gain = d * (0.8 - 0.5 * math.log(d))
        points.append(by_task(step, d * d, d, *(gain + extra for extra in (-0.02, 0.02, 0.01, -0.01))))
    return points


def test_it_says_where_over_optimisation_begins() -> None:
    found = study_checkpoints(over_optimised()[::-1])
    assert [each.step for each in found.points] == list(range(9))
    assert found.choice is not None
    assert found.choice.chosen.step == 3
    assert found.choice.declined == (4, 5, 6, 7, 8)
    assert found.curve is not None
    assert found.curve.shown
    assert found.curve.peak.value == pytest.approx(1.822, abs=0.01)
    assert found.curve.resampled == "replicates"
    assert "keep step 3" in found.advice[0]
    assert "from step 4 on" in found.advice[1]
    assert "peaks at √KL 1.82" in found.advice[2]
    assert "still rises" in found.advice[2]


def test_a_run_that_fails_is_not_called_over_optimised() -> None:
    points = [each.model_copy(update={"proxy": -each.proxy}) for each in over_optimised()]
    found = study_checkpoints(points)
    assert found.choice is not None
    assert found.choice.declined == ()
    assert "a failing run" in found.advice[-1]


def test_no_peak_is_said_to_be_none() -> None:
    points = [point(step, float(step), step, 0.1 * math.sqrt(step), 100) for step in range(8)]
    found = study_checkpoints(points)
    assert found.curve is not None
    assert not found.curve.shown
    assert "no peak within what was measured (√KL up to 2.65)" in found.advice[-1]


def test_why_there_is_no_curve() -> None:
    assert "the start (step 0)" in study_checkpoints([point(1, 1, 0, 0.5)]).no_curve
    assert "at least 3 checkpoints" in study_checkpoints([point(0, 0, 0, 0.5), point(1, 1, 0, 0.5)]).no_curve


def test_nothing_measured_chooses_nothing() -> None:
    found = study_checkpoints([point(0, 0, 0.1, None), point(5, 1, 0.9, None)])
    assert found.choice is None
    assert "nothing to choose by" in found.advice[0]


def test_a_training_that_did_not_help_keeps_the_start() -> None:
    found = study_checkpoints([point(0, 0, 0.1, 0.50, 50), point(5, 1, 0.9, 0.51, 50)])
    assert "keep the start" in found.advice[0]
