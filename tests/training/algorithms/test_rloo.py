"""RLOO: the mean of the others is the baseline."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from reflexa.training.algorithms.rloo import RLOO
from reflexa.training.online.experience import experience_of
from tests.training.online.made import group


def test_each_is_compared_with_the_mean_of_the_others() -> None:
    found = RLOO.advantages(experience_of([group("a", 0.0, 1.0, 5.0)], {}), RLOO.options())
    assert found.tolist() == pytest.approx([-3.0] * 2 + [-1.5] * 2 + [4.5] * 2)


def test_its_ratio_is_the_whole_answers() -> None:
    assert RLOO.options().level == "product"
