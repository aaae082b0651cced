"""A study small enough for a test: it is whole, goes on where it was, and its rewards are what they are said to be."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from reflexa.errors import ConfigError
from reflexa.evaluation.checkpoints import choose_checkpoint
from reflexa.improve.study import ProxyStudy, Size, StudyConfig, study_overoptimisation
from reflexa.improve.study.config import PolicyTraining, RewardTraining
from reflexa.training.engine.metrics import read_points

SMALL = Size(width=8, layers=1)
CONFIG = StudyConfig(
    policy=SMALL,
    gold=Size(width=16, layers=1),
    proxies=(SMALL,),
    labels=(4, 96),
    answer_letters=4,
    held_out=12,
    samples=16,
    reward=RewardTraining(steps=40, rows=16, learning_rate=1e-2),
    rl=PolicyTraining(steps=4, prompts=2, samples=4, every=1, learning_rate=1e-2),
)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str], tuple[ProxyStudy, ...]]:
    folder, told = tmp_path_factory.mktemp("study"), list[str]()
    return folder, told, study_overoptimisation(CONFIG, folder, told.append).proxies


def test_best_of_n_begins_at_the_start_and_is_measured_at_its_bound(
    done: tuple[Path, list[str], tuple[ProxyStudy, ...]],
) -> None:
    _, told, proxies = done
    assert [proxy.labels for proxy in proxies] == [4, 96]
    assert len(told) == 3
    for proxy in proxies:
        chosen = proxy.best_of_n
        assert chosen.sizes == (1, 2, 4, 8, 16)
        assert chosen.kl[-1] == pytest.approx(math.log(16) - 15 / 16)
        assert chosen.gold[0] == pytest.approx(0.0, abs=1e-9)  # in standard deviations from the start's own mean
        assert chosen.proxy == tuple(sorted(chosen.proxy))


def test_more_labels_agree_more_with_the_gold_reward(done: tuple[Path, list[str], tuple[ProxyStudy, ...]]) -> None:
    few, many = done[2]
    assert many.agreement > few.agreement
    assert many.agreement > 0.6


def test_checkpoints_can_be_looked_at_afterwards(done: tuple[Path, list[str], tuple[ProxyStudy, ...]]) -> None:
    folder, _, proxies = done
    for proxy in proxies:
        points = read_points(folder / proxy.rl.folder)
        assert [point.step for point in points] == [0, 1, 2, 3, 4]
        assert (points[0].kl, points[0].n) == (0.0, CONFIG.held_out)
        assert points[4].kl > 0
        assert choose_checkpoint(points).chosen.step == proxy.rl.chosen
        assert [point.true for point in points] == [point.true for point in proxy.rl.points]
        assert all((folder / point.path).is_dir() and not Path(point.path).is_absolute() for point in proxy.rl.points)


def test_a_study_that_was_stopped_goes_on(done: tuple[Path, list[str], tuple[ProxyStudy, ...]]) -> None:
    folder, _, proxies = done
    (folder / "8x1-96" / "STUDY.json").unlink()
    first = (folder / "8x1-4" / "STUDY.json").stat().st_mtime_ns
    assert study_overoptimisation(CONFIG, folder).proxies == proxies
    assert (folder / "8x1-4" / "STUDY.json").stat().st_mtime_ns == first


def test_another_study_does_not_write_into_its_folder(done: tuple[Path, list[str], tuple[ProxyStudy, ...]]) -> None:
    with pytest.raises(ConfigError, match="of another configuration"):
        study_overoptimisation(CONFIG.model_copy(update={"seed": 1}), done[0])
