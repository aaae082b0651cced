"""GRPO: what the table says of it."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from reflexa.training.algorithms.grpo import GRPO
from reflexa.training.online.experience import experience_of
from tests.training.online.made import group


def test_advantages_are_over_the_groups_mean_and_spread() -> None:
    found = GRPO.advantages(experience_of([group("a", 0.0, 1.0, 1.0)], {}), GRPO.options())
    spread = (1 / 3) ** 0.5 + 1e-4
    assert found.tolist() == pytest.approx([-2 / 3 / spread] * 2 + [1 / 3 / spread] * 4)


def test_its_settings_are_the_papers_but_for_the_kl_that_is_asked_for() -> None:
    options = GRPO.options()
    assert (options.clip_low, options.clip_high, options.kl) == (0.2, 0.2, 0.0)
    assert (options.level, options.mean, options.refills) == ("token", "completion", 0)
