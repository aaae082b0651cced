"""Training from the command line: the plan, the model, its record, and what stops it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from reflexa.memory import Store
from tests.cli.support import ROOT, Cli, letters_suite
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


def test_checkpoints_are_measured_on_held_out_rows(cli: Cli, tiny: tuple[str, str], tmp_path: Path) -> None:
    model, rows = tiny
    out, database = tmp_path / "out", str(tmp_path / "m.db")
    options = ["--model", model, "--data", rows, "--held-out", rows, "--max-new-tokens", "4", "--batch", "3"]
    options += ["--out", str(out), "--database", database, "--learning-rate", "0.01"]
    done = cli("train", "sft", *options, "--set", "checkpoints.every=1", "--set", "points.prompts=2", "--json")
    assert done.code == 0, done.err
    assert [point["step"] for point in done.json["points"]] == [0, 1, 2]
    shown = cli("checkpoints", done.json["training"]["id"], "--database", database, "--json").json
    assert shown["points"] == done.json["points"]
    assert [point["kl"] > 0 for point in shown["points"]] == [False, True, True]
    assert shown["choice"] is None  # nothing judged answers truly


def test_held_out_tasks_choose_among_the_checkpoints_of_rows(
    cli: Cli, tiny: tuple[str, str], home: Path, tmp_path: Path
) -> None:
    model, rows = tiny
    out, database = tmp_path / "out", str(tmp_path / "m.db")
    options = ["--model", model, "--data", rows, "--task", letters_suite(home), "--max-new-tokens", "3", "--select"]
    options += ["--out", str(out), "--database", database, "--batch", "3", "--set", "optimizer.learning_rate=1e-9"]
    done = cli("train", "sft", *options, "--verifier", "regex:x", "--json")
    assert done.code == 0, done.err
    assert [(point["step"], point["n"], point["proxy"]) for point in done.json["points"]] == [
        (0, 4, 0.0),
        (1, 4, 0.0),
        (2, 4, 0.0),
    ]
    assert done.json["selected"] == 0  # nothing was learnt, so that nothing is better than the start
    assert done.json["training"]["config"]["tasks"]["held_out_split"] == "test"
    kept, start = (load_file(Path(folder) / "model.safetensors") for folder in (out / "model", model))
    assert all(torch.equal(kept[name], start[name]) for name in start)
    again = cli("train", "sft", *options, "--resume")
    assert again.code == 0, again.err
    assert "% of 4 tasks before" in again.out
    assert "(step 0, chosen)" in again.out


def test_rows_that_answer_held_out_tasks_are_refused(cli: Cli, tiny: tuple[str, str], home: Path) -> None:
    model, rows = tiny
    suite = letters_suite(home)
    Path(rows).write_text(json.dumps({"prompt": "test 2?", "completion": "a"}) + "\n")
    options = ["--model", model, "--data", rows, "--task", suite, "--max-new-tokens", "3", "--dry-run"]
    refused = cli("train", "sft", *options)
    assert (refused.code, "1 rows answer tasks" in refused.complaint) == (2, True), refused.complaint
    assert cli("train", "sft", *options, "--held-out-split", "train").code == 0
    assert (
        "expected --held-out-split and --held-out-limit alone"
        in cli("train", "sft", *options, "--limit", "1").complaint
    )
    assert "--task SUITE" in cli("train", "sft", "--data", rows, "--model", model, "--verifier", "regex:x").complaint


@pytest.mark.parametrize("algorithm", ["sft", "grpo"])
def test_of_two_processes_one_records_and_prints(
    tiny: tuple[str, str], home: Path, tmp_path: Path, algorithm: str
) -> None:
    model, rows = tiny
    learnt = {
        "sft": ["--data", rows, "--batch", "3", "--set", "checkpoints.every=1"],
        "grpo": ["--prompts", "2", "--samples", "2", "--steps", "2", "--held-out-split", "test"],
    }[algorithm]
    options = ["--model", model, "--task", letters_suite(home), "--max-new-tokens", "3", *learnt]
    database = str(tmp_path / "m.db")
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "reflexa", "train"]
    done = subprocess.run(
        [sys.executable, *command, algorithm, *options, "--database", database, "--json"],
        cwd=home,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert done.stderr.count("algorithm  ") == 1
    with Store.open(database) as store:
        (record,) = store.list_trainings()
        assert [point.step for point in store.points_of(record.id)] == [point["step"] for point in made["points"]]
        assert [step["step"] for step in store.training_steps(record.id)] == [1, 2]
    assert record.id == made["training"]["id"]
    assert record.status == "finished"
    output = Path(str(record.config["output"]))
    assert list(output.parent.glob(f"{algorithm}-*")) == [output]  # named by the time, yet one folder for both
