"""Every recipe that the repository ships trains a tiny model on rows of its kind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reflexa.cli.options.train import TrainOptions
from reflexa.cli.training.recipes import settings_of
from reflexa.improve.rewarding import TaskSource
from reflexa.training.algorithms import list_algorithms, list_online
from reflexa.training.api import train
from reflexa.training.config import TrainConfig
from reflexa.training.online.api import train_online
from reflexa.training.online.config import OnlineConfig
from reflexa.training.online.rollouts import OnlinePrompt
from tests.support.tiny_models import make_checkpoint

FOLDER = Path(__file__).parents[2] / "training"
RECIPES = sorted(path.stem for path in FOLDER.glob("*.toml"))
ROWS: dict[str, Callable[[int], dict[str, Any]]] = {
    "sft.jsonl": lambda n: {"prompt": f"{n}?", "completion": f" {n}."},
    "text.jsonl": lambda n: {"text": f"{n} and {n}."},
    "preferences.jsonl": lambda n: {"prompt": f"{n}?", "chosen": f" {n}.", "rejected": " no.", "margin": 1.0},
    "unpaired.jsonl": lambda n: {"prompt": f"{n}?", "completion": f" {n}.", "label": n % 2 == 0},
    "steps.jsonl": lambda n: {"prompt": f"{n}?", "completions": [f"{n}\n", "no\n"], "labels": [True, False]},
}


ONLINE = {algorithm.name for algorithm in list_online()}


def settings(name: str) -> dict[str, Any]:
    return settings_of(TrainOptions(what=name), [], FOLDER)


ON_TASKS = [name for name in RECIPES if settings(name)["algorithm"] in ONLINE]


def test_every_algorithm_has_a_recipe() -> None:
    names = {algorithm.name for algorithm in list_algorithms()} | ONLINE
    assert {settings(name)["algorithm"] for name in RECIPES} == names


@pytest.mark.parametrize("name", ON_TASKS)
def test_a_recipe_learns_on_tasks(name: str, tmp_path: Path) -> None:
    given = {**settings(name), "steps": 1, "prompts": 2, "samples": 2, "max_new_tokens": 2, "points": {"prompts": 0}}
    source = TaskSource.model_validate(given.pop("tasks"))
    assert source.held_out_split not in (None, source.split)
    given |= {"model": str(make_checkpoint(tmp_path / "tiny")), "output": tmp_path / "out"}
    prompts = [OnlinePrompt(id=str(n), prompt=f"{n}?") for n in range(2)]
    made = train_online(OnlineConfig.model_validate(given), prompts, lambda answer: float(answer.sample))
    assert (made.model / "model.safetensors").is_file()


@pytest.mark.parametrize("name", [name for name in RECIPES if name not in ON_TASKS])
def test_a_recipe_trains(name: str, tmp_path: Path) -> None:
    given = settings_of(TrainOptions(what=name, steps=1, batch=4), [], FOLDER)
    (wanted,) = given["data"]
    rows = tmp_path / wanted.name
    rows.write_text("".join(json.dumps(ROWS[wanted.name](n)) + "\n" for n in range(4)))
    given |= {"data": [rows], "model": str(make_checkpoint(tmp_path / "tiny")), "output": tmp_path / "out"}
    made = train(TrainConfig.model_validate(given))
    assert (made.model / "model.safetensors").is_file()
