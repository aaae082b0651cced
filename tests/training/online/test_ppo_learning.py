"""PPO whole: it finds the best arm of a bandit and the optimum of a small game of tokens, and goes on after a kill."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
transformers: Any = pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from reflexa.training.config import CheckpointConfig, OptimizerConfig  # noqa: E402
from reflexa.training.engine.metrics import StepReport  # noqa: E402
from reflexa.training.online.api import train_online  # noqa: E402
from reflexa.training.online.config import OnlineConfig, PointConfig  # noqa: E402
from reflexa.training.online.rollouts import Answer, OnlinePrompt, Reward, StepRewards  # noqa: E402
from tests.training.children import online_children  # noqa: E402
from tests.training.online.runs import make_online, make_prompts, says_a  # noqa: E402

PROMPT = [OnlinePrompt(id="p", prompt="go: ")]


def make_ppo(folder: Path, **changes: Any) -> OnlineConfig:
    """One prompt, 64 samples a step, each learnt twice over in two updates."""
    settings: dict[str, Any] = {
        "algorithm": "ppo",
        "options": {"kl_reward": 0.0, "value_clip": None},
        "prompts": 1,
        "samples": 64,
        "steps": 40,
        "max_new_tokens": 1,
        "epochs": 2,
        "minibatches": 1,
        "optimizer": OptimizerConfig(learning_rate=5e-3, schedule="constant"),
        "checkpoints": CheckpointConfig(),
        "points": PointConfig(prompts=0),
    }
    return make_online(folder, **{**settings, **changes})


def learnt(config: OnlineConfig, reward: Reward) -> list[StepReport]:
    reports: list[StepReport] = []
    train_online(config, PROMPT, reward, progress=reports.append)
    return reports


def arm(answer: Answer) -> float:
    """Capital letters pay 1, small letters 0.6, all other bytes 0."""
    return 1.0 if answer.text.isupper() else 0.6 if answer.text.islower() else 0.0


def test_the_best_arm_of_a_bandit(tmp_path: Path) -> None:
    reports = learnt(make_ppo(tmp_path), arm)
    assert reports[0].metrics["reward"] < 0.4
    assert reports[-1].metrics["reward"] > 0.97
    assert reports[-1].metrics["value"] == pytest.approx(1.0, abs=0.1)  # the critic knows what the arm pays


def game(answer: Answer) -> StepRewards:
    """Two moves. To begin with anything but a letter pays 0.1 at once; a letter pays nothing, but then another pays 1.

    The optimum is two letters, worth 1 from the start on and after the first move; the best first move looks worst.
    """
    first, second = answer.text[:1].isalpha(), answer.text[1:2].isalpha()
    return StepRewards(ends=(1, 2), rewards=(0.0 if first else 0.1, float(first and second)))


def test_the_optimum_of_a_game_whose_best_first_move_looks_worst(tmp_path: Path) -> None:
    reports = learnt(make_ppo(tmp_path, max_new_tokens=2), game)
    assert reports[0].metrics["reward"] < 0.3
    assert reports[-1].metrics["reward"] > 0.95
    assert reports[-1].metrics["value"] == pytest.approx(1.0, abs=0.1)  # before either move


def test_a_killed_run_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    """Killed within step 6; the last checkpoint is of step 4. The critic and the penalty go on too."""
    options = {"kl_reward": 0.1, "kl_target": 1.0, "critic_learning_rate": 3e-3}
    config = make_online(tmp_path, algorithm="ppo", options=options, epochs=2, minibatches=2)
    assert online_children([config], "if report.step == 5: os.kill(os.getpid(), signal.SIGKILL)") == [[-9]]
    resumed, unbroken = (
        train_online(config.model_copy(update=changes), make_prompts(), says_a)
        for changes in ({"resume": True}, {"output": tmp_path / "unbroken"})
    )
    for name in ("model.safetensors", "critic.safetensors", "critic-optimizer.safetensors", "online.json"):
        assert (resumed.last / name).read_bytes() == (unbroken.last / name).read_bytes(), name
    penalty = json.loads((resumed.last / "online.json").read_text())["penalty"]
    assert penalty != options["kl_reward"]
    lines = [json.loads(line) for line in (config.output / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert lines[0]["metrics"]["kl/penalty"] == 0.1


def test_two_processes_learn_as_one_critic(tmp_path: Path) -> None:
    config = make_online(tmp_path, algorithm="ppo", steps=4, samples=8, precision="float32")
    assert online_children([config], processes=2) == [[0, 0]]
    lines = [json.loads(line)["metrics"] for line in (config.output / "metrics.jsonl").read_text().splitlines()]
    assert lines[0]["value"] == 0.0
    assert lines[-1]["value"] != 0.0
