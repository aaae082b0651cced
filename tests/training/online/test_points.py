"""What a checkpoint is worth: measured on held-out prompts, always the same."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
transformers: Any = pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from reflexa.training.engine.checkpoint import read_record  # noqa: E402
from reflexa.training.online.api import OnlineResult, train_online  # noqa: E402
from reflexa.training.online.config import PointConfig  # noqa: E402
from reflexa.training.online.points import Examination  # noqa: E402
from reflexa.training.online.rollouts import Answer  # noqa: E402
from tests.training.online.runs import make_online, make_prompts, says_a  # noqa: E402


def trained(folder: Path, held_out: Examination | None, **changes: Any) -> OnlineResult:
    return train_online(make_online(folder, steps=4, **changes), make_prompts(), says_a, held_out=held_out)


def test_an_examination_gives_every_prompts_true_reward(tmp_path: Path) -> None:
    prompts = tuple(make_prompts(11)[8:])

    def truly(answer: Answer) -> float:
        assert answer.prompt in prompts
        return float(answer.prompt.id == "p9")

    result = trained(tmp_path, Examination(prompts, truly))
    assert [point.step for point in result.points] == [0, 2, 4]
    assert {point.rewards for point in result.points} == {(0.0, 1.0, 0.0)}
    assert {(point.true, point.n) for point in result.points} == {(1 / 3, 3)}
    assert result.reward == pytest.approx(1 / 3)


def test_a_checkpoint_that_was_measured_and_not_written_is_measured_again(tmp_path: Path) -> None:
    """As where a run is killed between the two: its point stands there once, as it was last."""
    examination = Examination(tuple(make_prompts(11)[8:]), says_a)
    whole = trained(tmp_path, examination)
    shutil.rmtree(whole.last)
    resumed = trained(tmp_path, examination, resume=True)
    assert resumed.points == whole.points
    assert len((tmp_path / "out" / "points.jsonl").read_text().splitlines()) == 3


def test_without_points_the_best_is_the_best_rewarded(tmp_path: Path) -> None:
    result = trained(tmp_path, None, points=PointConfig(prompts=0))
    assert result.points == ()
    assert not (tmp_path / "out" / "points.jsonl").exists()
    assert result.reward == -read_record(result.best).loss >= 0.0
