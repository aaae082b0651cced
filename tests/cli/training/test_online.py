"""Training on tasks: what tells that it is meant, and what a suite's line needs."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")

from reflexa.cli.training.online import TrainedOnline, is_online
from reflexa.rows import CheckpointPoint, TrainingRecord


def test_the_algorithm_tells() -> None:
    assert is_online({"algorithm": "grpo"})
    assert not is_online({"algorithm": "dpo"})
    assert not is_online({})


def test_what_is_printed_reads_back() -> None:
    record = TrainingRecord(id="t1", algorithm="grpo", model="m", config={})
    point = CheckpointPoint(step=0, path="m", kl=0.0, proxy=0.5, true=0.25, n=4)
    trained = TrainedOnline(training=record, points=(point,), alarms=(), reward=0.5, steps=1, tokens=10, seconds=1.0)
    assert TrainedOnline.model_validate_json(trained.model_dump_json()) == trained
