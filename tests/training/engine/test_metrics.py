"""The file of metrics."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reflexa.errors import UsageError
from reflexa.rows import CheckpointPoint
from reflexa.training.engine.metrics import POINTS, MetricsFile, StepReport, read_points, tokens_of


def report(step: int) -> StepReport:
    return StepReport(
        step=step,
        steps=9,
        epoch=0.5,
        loss=float(step),
        metrics={"nll": 1.0},
        norm=1.0,
        learning_rate=0.1,
        tokens=10,
        tokens_per_second=5.0,
        seconds_left=1.0,
    )


def write(path: Path, resumed_at: int, steps: range) -> list[int]:
    file = MetricsFile(path, resumed_at)
    for step in steps:
        file.write(report(step))
    file.close()
    return [json.loads(line)["step"] for line in path.read_text().splitlines()]


def test_each_step_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "new" / "metrics.jsonl"
    assert write(path, 0, range(1, 4)) == [1, 2, 3]
    assert StepReport.model_validate_json(path.read_text().splitlines()[0]) == report(1)


def test_steps_after_the_checkpoint_are_forgotten_and_so_is_a_half_written_line(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, 0, range(1, 6))
    with path.open("a") as file:
        file.write('{"step": 6, "lo')
    assert write(path, 3, range(4, 5)) == [1, 2, 3, 4]


def test_a_new_run_begins_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, 0, range(1, 6))
    assert write(path, 0, range(1, 2)) == [1]


def test_the_tokens_of_a_run_are_those_of_every_step_that_it_keeps(tmp_path: Path) -> None:
    assert tokens_of(tmp_path) == 0
    write(tmp_path / "metrics.jsonl", 0, range(1, 5))
    write(tmp_path / "metrics.jsonl", 2, range(3, 7))
    assert tokens_of(tmp_path) == 6 * report(1).tokens


def test_points_are_read_by_step_and_one_that_was_measured_again_counts_as_it_was_last(tmp_path: Path) -> None:
    assert read_points(tmp_path) == ()
    points = [CheckpointPoint(step=step, path="p", kl=kl, proxy=0.0) for step, kl in ((0, 0.0), (4, 1.0), (4, 2.0))]
    file = MetricsFile(tmp_path / POINTS, -1)
    for point in reversed(points[:2]):
        file.write(point)
    file.write(points[2])
    file.close()
    assert [(point.step, point.kl) for point in read_points(tmp_path)] == [(0, 0.0), (4, 2.0)]
    (tmp_path / POINTS).write_text('{"step": 0')
    with pytest.raises(UsageError, match=r"points\.jsonl:1:"):
        read_points(tmp_path)
