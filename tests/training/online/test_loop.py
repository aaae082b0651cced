"""The online loop: what is refilled, measured, remembered; and what it says where a step fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
transformers: Any = pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from reflexa.errors import TrainingError  # noqa: E402
from reflexa.training.config import CheckpointConfig, OptimizerConfig  # noqa: E402
from reflexa.training.engine.metrics import StepReport  # noqa: E402
from reflexa.training.online.api import train_online  # noqa: E402
from reflexa.training.online.config import AlarmConfig, AlarmRule, GateConfig, PointConfig  # noqa: E402
from reflexa.training.online.rollouts import Answer  # noqa: E402
from tests.training.online.runs import make_online, make_prompts, says_a  # noqa: E402


def reports_of(folder: Path, reward: Any = says_a, **changes: Any) -> list[StepReport]:
    reports: list[StepReport] = []
    settings = {"steps": 2, "points": PointConfig(prompts=0), "checkpoints": CheckpointConfig(), **changes}
    train_online(make_online(folder, **settings), make_prompts(), reward, progress=reports.append)
    return reports


def even(answer: Answer) -> float:
    """Differs within the groups of half of the prompts, and is equal in the others."""
    return float(answer.sample % 2) if int(answer.prompt.id[1:]) % 2 else 1.0


def test_groups_whose_rewards_are_all_equal_are_replaced_within_a_bound(tmp_path: Path) -> None:
    for report in reports_of(tmp_path, even, options={"refills": 3}):
        assert report.metrics["refilled"] > 0
        assert 0 < report.metrics["equal_groups"] < 1
    (once, _) = reports_of(tmp_path, lambda answer: 1.0, output=tmp_path / "equal", options={"refills": 2})
    assert (once.metrics["refilled"], once.metrics["equal_groups"], once.loss) == (2.0, 1.0, 0.0)


def test_a_step_tells_its_metrics(tmp_path: Path) -> None:
    first, second = reports_of(tmp_path, kl_every=2)
    wanted = {"reward", "reward/spread", "equal_groups", "distinct", "length", "finished", "entropy", "ratio"}
    wanted |= {"clip/low", "clip/high", "mismatch", "seconds/sampling", "seconds/verifying", "seconds/learning"}
    assert wanted | {"new_tokens_per_second"} <= first.metrics.keys()
    assert "kl/sequence" not in first.metrics
    assert {"kl", "kl/k1", "kl/sequence"} <= second.metrics.keys()
    assert next(iter(first.metrics)) == "reward"
    assert first.tokens <= 64


def test_several_updates_of_one_rollout_leave_the_policy_that_sampled(tmp_path: Path) -> None:
    once = reports_of(tmp_path, even, precision="float32")[0]
    many = reports_of(tmp_path, even, output=tmp_path / "many", precision="float32", epochs=3, minibatches=2)[0]
    assert once.metrics["kl/old"] < 1e-4 < many.metrics["kl/old"]
    assert once.metrics["mismatch"] == pytest.approx(many.metrics["mismatch"], abs=1e-3)


def test_where_sampler_and_trainer_disagree_the_trainer_is_believed(tmp_path: Path) -> None:
    """A limit that rounding exceeds: from the next step on log-probabilities come from the training pass."""
    rule = AlarmRule(limit=1e-9, patience=1)
    first, second = reports_of(tmp_path, even, alarms=AlarmConfig(mismatch=rule))
    assert first.metrics["ratio"] != 1.0
    assert second.metrics["ratio"] == 1.0
    assert second.metrics["mismatch"] > 0
    record = json.loads(next((tmp_path / "out" / "checkpoints").glob("*/online.json")).read_text())
    assert record["recompute"] is True


def test_prompts_that_teach_nothing_are_set_aside(tmp_path: Path) -> None:
    reports_of(tmp_path, even, steps=4, gates=GateConfig(after=1, probe=100))
    record = json.loads(next((tmp_path / "out" / "checkpoints").glob("*/online.json")).read_text())
    assert sorted(record["deck"]["aside"]) == ["p0", "p2", "p4", "p6"]


def test_broken_numbers_stop_the_run(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"step 1: .*norm .*\(at most 1e-09 goes on\); no checkpoint"):
        reports_of(tmp_path, even, optimizer=OptimizerConfig(stop_norm=1e-9))


def test_out_of_memory_says_what_to_lower(tmp_path: Path) -> None:
    def reward(answer: Answer) -> float:
        raise MemoryError

    with pytest.raises(TrainingError, match=r"step 1: out of memory; lower batch_tokens .* or slots"):
        reports_of(tmp_path, reward)
