"""Training from the command line: the plan, the model, its record, and what stops it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from reflexa.memory import Store
from tests.cli.support import Cli
from tests.support.tiny_models import make_checkpoint


@pytest.fixture
def tiny(tmp_path: Path) -> tuple[str, str]:
    """A checkpoint's folder and a file of rows for it."""
    model = make_checkpoint(tmp_path / "tiny")
    rows = tmp_path / "rows.jsonl"
    rows.write_text(
        "".join(json.dumps({"prompt": f"{n} plus {n}", "completion": f" is {2 * n}"}) + "\n" for n in range(6))
    )
    return str(model), str(rows)


def test_a_plan_makes_nothing(cli: Cli, tiny: tuple[str, str], tmp_path: Path) -> None:
    model, rows = tiny
    done = cli("train", "sft", "--model", model, "--data", rows, "--batch", "2", "--dry-run", "--json")
    assert (done.code, done.json["rows"], done.json["steps"]) == (0, 6, 3)
    assert not (tmp_path / "training").exists()


def test_a_model_is_made_recorded_and_answers(cli: Cli, tiny: tuple[str, str], tmp_path: Path) -> None:
    model, rows = tiny
    out, database = tmp_path / "out", str(tmp_path / "m.db")
    options = ["--data", rows, "--batch", "2", "--out", str(out), "--database", database]
    done = cli("train", "sft", "--model", model, *options, "--set", "checkpoints.every=2", "--json")
    assert done.code == 0, done.err
    record = done.json["training"]
    assert (record["status"], record["checkpoint"]) == ("finished", str(out / "model"))
    with Store.open(database) as store:
        assert store.find_training(record["id"]).loss == record["loss"]
        assert [step["step"] for step in store.training_steps(record["id"])] == [1, 2, 3]
    again = cli("train", "sft", "--model", model, *options)
    assert again.code != 0
    assert "already holds checkpoints of a run" in again.complaint
    assert cli("train", "sft", "--model", str(out / "model"), "--data", rows, "--dry-run").code == 0


def test_a_run_that_lost_its_last_steps_goes_on_under_its_own_record(
    cli: Cli, tiny: tuple[str, str], tmp_path: Path
) -> None:
    model, rows = tiny
    out, database = tmp_path / "out", str(tmp_path / "m.db")
    options = ["--model", model, "--data", rows, "--batch", "2", "--set", "checkpoints.every=1"]
    options += ["--out", str(out), "--database", database, "--json"]
    first = cli("train", "sft", *options).json["training"]
    whole = (out / "model" / "model.safetensors").read_bytes()
    shutil.rmtree(out / "model")
    shutil.rmtree(out / "checkpoints" / "step-00000003")
    again = cli("train", "sft", *options, "--resume").json["training"]
    assert again["id"] == first["id"]
    assert (out / "model" / "model.safetensors").read_bytes() == whole


def test_the_model_that_is_left_is_the_best_on_held_out_rows(cli: Cli, tiny: tuple[str, str], tmp_path: Path) -> None:
    """So fast a learner is worse after every step, so that the first checkpoint is the best one."""
    model, rows = tiny
    out = tmp_path / "out"
    options = ["--model", model, "--data", rows, "--batch", "2", "--learning-rate", "0.5", "--out", str(out)]
    options += ["--set", "optimizer.schedule=constant", "--set", "optimizer.warmup=0", "--set", "checkpoints.keep=1"]
    assert "expected --held-out FILE" in cli("train", "sft", *options, "--select").complaint
    done = cli("train", "sft", *options, "--select", "--held-out", rows, "--json")
    assert done.code == 0, done.err
    steps = sorted(path.name for path in (out / "checkpoints").glob("step-*"))
    best, last = (load_file(out / "checkpoints" / name / "model.safetensors") for name in (steps[0], steps[-1]))
    left = load_file(out / "model" / "model.safetensors")
    assert all(torch.equal(left[name], best[name]) for name in best)
    assert not all(torch.equal(left[name], last[name]) for name in last)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["sft"], "data"),
        (["sgd", "--data", "x"], "unknown algorithm or recipe 'sgd'"),
        (["sft", "--data", "gone.jsonl"], "gone.jsonl"),
        (["dpo", "--data", "{rows}"], "chosen"),
        (["sft", "--data", "{rows}", "--set", "epoch=2"], "epoch"),
        (["sft", "--data", "{rows}", "--set", "options.beta=2"], "option 'beta'"),
    ],
)
def test_what_cannot_be_trained_gets_one_line(
    cli: Cli, tiny: tuple[str, str], arguments: list[str], complaint: str
) -> None:
    model, rows = tiny
    done = cli("train", *(argument.format(rows=rows) for argument in arguments), "--model", model)
    assert done.code == 2
    assert complaint in done.complaint
