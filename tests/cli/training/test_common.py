"""What a training leaves in the database whatever it learns from, and what its line says."""

from __future__ import annotations

from pathlib import Path

import pytest

from reflexa.cli.training.common import begun, carried_out, ended, new_id, validated
from reflexa.errors import ConfigError
from reflexa.memory import Store
from reflexa.rows import TrainingRecord
from reflexa.training.config import CommonConfig
from reflexa.training.engine.metrics import StepReport


def make_config(folder: Path, resume: bool = False) -> CommonConfig:
    return CommonConfig(algorithm="grpo", model="m", output=folder / "out", resume=resume)


def make_record(config: CommonConfig) -> TrainingRecord:
    return TrainingRecord(id=new_id(), algorithm="grpo", model="m", config=config.model_dump(mode="json"), created=1.0)


def report(step: int, alarms: tuple[str, ...] | None = None) -> StepReport:
    return StepReport(
        step=step,
        steps=2,
        epoch=0.5,
        loss=0.25,
        metrics={"reward": 0.5, "reward/spread": 0.1, "equal_groups": 0.25, "length": 4.0},
        norm=1.0,
        learning_rate=1e-5,
        tokens=100,
        tokens_per_second=50.0,
        seconds_left=2.0,
        alarms=alarms,
    )


def test_a_resumed_run_goes_on_under_its_own_record(tmp_path: Path) -> None:
    with Store.open(tmp_path / "m.db") as store:
        first = begun(store, make_config(tmp_path), make_record(make_config(tmp_path)))
        store.record_training(ended(first, "interrupted"))
        resumed = begun(store, make_config(tmp_path, resume=True), make_record(make_config(tmp_path)))
        assert (resumed.id, resumed.status, resumed.finished) == (first.id, "running", None)
        other = begun(store, make_config(tmp_path), make_record(make_config(tmp_path)))
        assert other.id != first.id


def test_steps_are_kept_and_told_with_their_alarms(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = make_config(tmp_path)
    with Store.open(tmp_path / "m.db") as store:
        record = begun(store, config, make_record(config))
        with carried_out(store, record, config, None) as journal:

            def work() -> str:
                journal(report(1))
                journal(report(2, ("equal_groups: 1",)))
                return "done"

            assert journal.watch(work) == "done"
        assert [step["step"] for step in store.training_steps(record.id)] == [1, 2]
    told = capsys.readouterr().err
    assert "grpo 2/2 · loss 0.2500 · reward 0.5 · reward/spread 0.1 · equal_groups 0.25 · 50 tokens/s" in told
    assert "ALARM equal_groups: 1" in told


@pytest.mark.parametrize(("error", "status"), [(KeyboardInterrupt(), "interrupted"), (ValueError("x"), "failed")])
def test_a_run_that_stops_is_recorded_as_stopped(
    tmp_path: Path, error: BaseException, status: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = make_config(tmp_path)
    (config.output / "checkpoints" / "step-00000001").mkdir(parents=True)
    with Store.open(tmp_path / "m.db") as store:
        record = begun(store, config, make_record(config))
        with pytest.raises(type(error)), carried_out(store, record, config, None):
            raise error
        assert store.find_training(record.id).status == status
    assert f"--resume --out {config.output}" in capsys.readouterr().err


def test_settings_that_do_not_fit_are_named() -> None:
    with pytest.raises(ConfigError, match=r"output: .*; clip: "):
        validated(CommonConfig, {"algorithm": "grpo", "model": "m", "clip": 1})
