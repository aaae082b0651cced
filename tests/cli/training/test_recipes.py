"""A recipe's settings, and what the command line sets over them."""

from __future__ import annotations

from pathlib import Path

import pytest

from reflexa.cli.options.train import TrainOptions
from reflexa.cli.training.recipes import settings_of
from reflexa.errors import UsageError

ALGORITHMS = ["sft", "dpo"]


def test_options_alone(tmp_path: Path) -> None:
    options = TrainOptions(what="dpo", data=["a.jsonl"], batch=4, lora=8, set=["options.beta=0.2", "overlong=drop"])
    assert settings_of(options, ALGORITHMS, tmp_path) == {
        "algorithm": "dpo",
        "data": [Path("a.jsonl")],
        "batch": {"rows": 4},
        "lora": {"rank": 8},
        "options": {"beta": 0.2},
        "overlong": "drop",
    }


def test_a_recipe_by_name_with_its_files_beside_it_and_options_before_it(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('algorithm = "sft"\ndata = ["rows.jsonl"]\nepochs = 3\n[batch]\nrows = 2\n')
    settings = settings_of(TrainOptions(what="mine", epochs=1), ALGORITHMS, tmp_path)
    assert settings == {
        "algorithm": "sft",
        "data": [tmp_path / "rows.jsonl"],
        "epochs": 1,
        "batch": {"rows": 2},
    }


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (TrainOptions(what="dpq"), "unknown algorithm or recipe 'dpq': did you mean dpo"),
        (TrainOptions(what="sft", set=["seed"]), "expected NAME=VALUE"),
        (TrainOptions(what="sft", seed=1, set=["seed.x=2"]), "seed is 1, not a table"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, options: TrainOptions, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        settings_of(options, ALGORITHMS, tmp_path)


def test_a_broken_recipe_is_named(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("algorithm = ")
    with pytest.raises(UsageError, match=r"mine\.toml: cannot be read as a recipe"):
        settings_of(TrainOptions(what="mine"), ALGORITHMS, tmp_path)
