"""DAPO: what it changes of GRPO."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from reflexa.training.algorithms.dapo import DAPO
from reflexa.training.online.experience import experience_of
from tests.training.online.made import group


def test_it_clips_higher_means_over_tokens_and_refills() -> None:
    options = DAPO.options()
    assert (options.clip_low, options.clip_high, options.kl) == (0.2, 0.28, 0.0)
    assert (options.mean, options.refills) == ("token", 3)


def test_advantages_are_grpos() -> None:
    found = DAPO.advantages(experience_of([group("a", 0.0, 1.0), group("b", 1.0, 1.0)], {}), DAPO.options())
    assert found.tolist() == pytest.approx([-0.7070] * 2 + [0.7070] * 2 + [0.0] * 4, abs=1e-4)
