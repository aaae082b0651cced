"""Training on tasks from the command line: the plan, the model, its record and points, and what stops it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from reflexa.memory import Store
from tests.cli.support import Cli, letters_suite
from tests.support.tiny_models import make_checkpoint, make_scorer

FEW = ["--samples", "2", "--prompts", "2", "--max-new-tokens", "3", "--steps", "2"]


@pytest.fixture
def suite(home: Path) -> str:
    return letters_suite(home)


def test_a_model_learns_on_tasks_and_its_checkpoints_are_recorded(cli: Cli, suite: str, tmp_path: Path) -> None:
    model, out, database = str(make_checkpoint(tmp_path / "tiny")), tmp_path / "out", str(tmp_path / "m.db")
    options = ["--task", suite, "--model", model, "--held-out-split", "test", *FEW]
    planned = cli("train", "grpo", *options, "--dry-run", "--json")
    assert (planned.code, planned.json["prompts"], planned.json["new_tokens"]) == (0, 4, 2 * 2 * 2 * 3)
    options += ["--out", str(out), "--database", database, "--set", "checkpoints.every=1"]
    done = cli("train", "grpo", *options, "--json")
    assert done.code == 0, done.err
    record = done.json["training"]
    assert (record["status"], record["checkpoint"]) == ("finished", str(out / "model"))
    assert (record["config"]["oracle"], record["config"]["reward"]) == (True, "regex:[a-m]")
    with Store.open(database) as store:
        assert [point.step for point in store.points_of(record["id"])] == [0, 1, 2]
        assert all(point.n == 4 for point in store.points_of(record["id"]))
        assert len(store.training_steps(record["id"])) == 2
    shutil.rmtree(out / "checkpoints" / "step-00000002")
    again = cli("train", "grpo", *options, "--resume")
    assert again.code == 0, again.err
    assert f"training {record['id']}: grpo" in again.out
    assert "% of 4 tasks before" in again.out


def test_the_model_that_is_left_is_the_one_that_held_out_tasks_choose(cli: Cli, suite: str, tmp_path: Path) -> None:
    model, out = make_checkpoint(tmp_path / "tiny"), tmp_path / "out"
    options = ["--task", suite, "--model", str(model), "--out", str(out), *FEW, "--select"]
    refused = cli("train", "grpo", *options)
    assert "--select chooses by what is held out, and nothing is: expected --held-out-split" in refused.complaint
    done = cli("train", "grpo", *options, "--held-out-split", "test", "--set", "optimizer.learning_rate=1e-9", "--json")
    assert done.code == 0, done.err
    assert len(list((out / "checkpoints").glob("step-*"))) == 2
    assert done.json["selected"] == 0  # nothing was learnt, so that nothing is better than the start
    kept, start = (load_file(folder / "model.safetensors") for folder in (out / "model", model))
    assert kept.keys() == start.keys()
    assert all(torch.equal(kept[name], start[name]) for name in start)


def test_a_recipe_names_tasks_and_a_verifier_that_is_no_oracle(cli: Cli, suite: str, tmp_path: Path) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text(
        f'algorithm = "rloo"\nsteps = 1\nprompts = 2\nsamples = 2\nmax_new_tokens = 2\n[tasks]\nsuite = "{suite}"\n'
    )
    model = str(make_checkpoint(tmp_path / "tiny"))
    done = cli(
        "train", "--model", model, "--verifier", "regex:x", "--out", str(tmp_path / "out"), str(recipe), "--json"
    )
    assert done.code == 0, done.err
    config = done.json["training"]["config"]
    assert (config["oracle"], config["reward"], config["algorithm"]) == (False, "regex:x", "rloo")


def test_ppo_against_two_reward_models_that_a_file_makes_one(cli: Cli, suite: str, home: Path, tmp_path: Path) -> None:
    """LLaMA-2's: whitened raw scores of the safer of two models, in ``reflexa train`` and in the circle."""
    helpful, safe = (make_scorer(tmp_path / name, "Sequence", 1) for name in ("helpful", "safe"))
    (home / "reflexa.toml").touch()
    (home / "verifiers").mkdir()
    (home / "verifiers" / "llama2.toml").write_text(
        f'kind = "reward"\n[combined]\nhelpfulness = "{helpful}"\nsafety = "{safe}"\nunsafe_below = 0.3\n'
    )
    out = tmp_path / "out"
    options = ["--task", suite, "--model", str(make_checkpoint(tmp_path / "tiny"))]
    raw = ["--set", "tasks.logit=true", "--set", "options.whiten_rewards=true", "--set", f"options.critic={helpful}"]
    done = cli("train", "ppo", *options, *FEW, "--verifier", "llama2", *raw, "--out", str(out), "--json")
    assert done.code == 0, done.err
    config = done.json["training"]["config"]
    assert (config["reward"], config["oracle"], config["tasks"]["logit"]) == ("reward:llama2", False, True)
    rewards = [json.loads(line)["metrics"] for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert any(not 0 <= each["reward"] <= 1 for each in rewards)  # raw scores, not chances
    few = ["--rounds", "1", "--samples", "2", "--max-new-tokens", "3", "--set", "steps=1", "--set", "prompts=2"]
    circle = cli("improve", *options, "--method", "ppo", "--reward", "llama2", *few, "--json")
    assert circle.code == 0, circle.err
    assert circle.json["rounds"][0]["canary"]["proxy"] == "reward:llama2"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "name a suite with a training split"),
        (["--task", "{suite}", "--split", "test"], "is what models are measured on"),
        (["--task", "{suite}", "--held-out-split", "train"], "is what models are measured on"),
        (["--task", "{suite}", "--held-out-split", "leaky"], "are in the training split too"),
        (["--task", "{suite}", "--batch", "4"], "batch"),
        (["--task", "{suite}", "--set", "options.clip=1"], "option 'clip'"),
        (["--task", "humaneval"], "has no split 'train'"),
    ],
)
def test_what_cannot_be_learnt_on_gets_one_line(
    cli: Cli, suite: str, tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    model = str(make_checkpoint(tmp_path / "tiny"))
    done = cli("train", "grpo", *(argument.format(suite=suite) for argument in arguments), "--model", model, *FEW)
    assert done.code == 2
    assert complaint in done.complaint
