from __future__ import annotations

import pytest
from pydantic import ValidationError

from reflexa.improve.study import QUICK, STUDY, Size


def test_the_gold_reward_is_larger_than_any_proxy() -> None:
    for config in (QUICK, STUDY):
        assert all(size.width < config.gold.width for size in config.proxies)


def test_the_quick_study_is_a_small_part_of_the_whole_one() -> None:
    sizes = [
        len(config.proxies) * len(config.labels) * config.rl.steps + config.held_out * config.samples / 100
        for config in (QUICK, STUDY)
    ]
    assert sizes[0] < sizes[1] / 5


def test_a_size_is_told_as_width_by_layers() -> None:
    assert str(Size(width=16, layers=2)) == "16x2"
    with pytest.raises(ValidationError):
        Size(width=12, layers=1)
