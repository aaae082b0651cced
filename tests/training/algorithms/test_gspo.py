"""GSPO: one ratio for a whole answer."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from reflexa.training.algorithms.gspo import GSPO
from reflexa.training.online.experience import experience_of
from tests.training.online.made import group


def test_its_ratio_is_the_sequences_and_its_clip_is_narrow() -> None:
    options = GSPO.options()
    assert (options.level, options.clip_low, options.clip_high) == ("sequence", 3e-4, 4e-4)
    assert GSPO.recomputes  # the sampler's rounding is wider than that clip


def test_advantages_are_grpos() -> None:
    found = GSPO.advantages(experience_of([group("a", 0.0, 1.0)], {}), GSPO.options())
    assert found.tolist() == pytest.approx([-0.7070] * 2 + [0.7070] * 2, abs=1e-4)
