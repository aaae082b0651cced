"""Checkpoints from the command line: from a folder and from the database, as a table, as JSON and as a picture."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reflexa.memory import Store
from reflexa.rows import CheckpointPoint, TrainingRecord
from tests.cli.support import Cli

TRUE = (0.30, 0.50, 0.60, 0.45, 0.20)


def points(tasks: int = 100) -> list[CheckpointPoint]:
    """True rewards that rise and fall again, while the proxy reward only rises; task by task."""
    return [
        CheckpointPoint(
            step=10 * number,
            path=f"step-{10 * number}",
            kl=float(number**2),
            proxy=float(number),
            true=true,
            n=tasks,
            rewards=tuple(float(task < true * tasks) for task in range(tasks)),
        )
        for number, true in enumerate(TRUE)
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A training's folder. The last step was written twice."""
    made = tmp_path / "out"
    made.mkdir()
    last = points()[-1].model_copy(update={"true": 0.9})
    lines = [point.model_dump_json() for point in (*points()[:-1], last, points()[-1])]
    (made / "points.jsonl").write_text("\n".join(lines) + "\n")
    return made


def test_a_folder_is_shown(cli: Cli, folder: Path) -> None:
    shown = cli("checkpoints", str(folder))
    assert shown.code == 0, shown.err
    lines = shown.out.splitlines()
    assert lines[0] == f"{folder}: 5 checkpoints"
    assert lines[1].split() == ["step", "√KL", "proxy", "true", "n"]
    assert lines[4].split() == ["20", "2.00", "2.000", "0.600", "±", "0.049", "100", "chosen"]
    assert lines[6].split()[-1] == "worse"
    assert lines[7].startswith("R(d) = d·(α − β·ln d): α 0.267 [")
    assert "keep step 20: the highest held-out true reward (0.6 ± 0.0492)" in lines
    assert any(line.startswith("the true reward peaks at √KL 1.35") for line in lines)


def test_a_training_is_shown_from_the_database(cli: Cli, folder: Path, tmp_path: Path) -> None:
    database = str(tmp_path / "m.db")
    with Store.open(database) as store:
        training = TrainingRecord(id="t1", algorithm="grpo", model="base", config={}, created=1.0)
        store.record_training(training)
        store.record_training(training.model_copy(update={"id": "t2", "config": {"output": str(folder)}}))
        store.record_training(training.model_copy(update={"id": "t3"}))
        store.record_points("t1", points()[:3])
    found = cli("checkpoints", "t1", "--database", database, "--json").json
    assert [each["step"] for each in found["points"]] == [0, 10, 20]
    assert found["choice"]["chosen"]["step"] == 20
    assert found["curve"] is None
    assert "at least 3 checkpoints" in found["no_curve"]
    assert len(cli("checkpoints", "t2", "--database", database, "--json").json["points"]) == 5
    assert "no checkpoints that were measured" in cli("checkpoints", "t3", "--database", database).complaint
    assert "unknown training run 't4'" in cli("checkpoints", "t4", "--database", database).complaint


def test_a_picture_is_drawn(cli: Cli, folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "picture"
    shown = cli("checkpoints", str(folder), "--plot", str(file), "--json")
    assert (shown.code, shown.json["curve"]["points"]) == (0, 4)
    assert file.read_bytes().startswith(b"\x89PNG")
    refused = cli("checkpoints", str(folder), "--plot", str(tmp_path / "missing" / "a.png"))
    assert "cannot be written" in refused.complaint


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no such file"),
        ("", "is empty"),
        (json.dumps({"step": 1, "path": "a", "kl": 1.0}), '"proxy" is missing'),
        ('{"step": 1, "path": "a", "kl": NaN, "proxy": 1.0}', "expected finite numbers"),
    ],
)
def test_points_that_cannot_be_read_are_refused(cli: Cli, tmp_path: Path, content: str | None, words: str) -> None:
    if content is not None:
        (tmp_path / "points.jsonl").write_text(content)
    assert words in cli("checkpoints", str(tmp_path)).complaint


def test_without_true_rewards_there_is_nothing_to_choose_by(cli: Cli, tmp_path: Path) -> None:
    lines = [json.dumps({"step": step, "path": "a", "kl": 1.0 * step, "proxy": 1.0}) + "\n" for step in range(3)]
    (tmp_path / "points.jsonl").write_text("".join(lines))
    shown = cli("checkpoints", str(tmp_path))
    assert shown.code == 0, shown.err
    assert "there is nothing to choose by" in shown.out
