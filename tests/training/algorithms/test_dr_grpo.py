"""Dr.GRPO: no spread, no length."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from reflexa.training.algorithms.dr_grpo import DR_GRPO
from reflexa.training.online.experience import experience_of
from tests.training.online.made import group


def test_advantages_are_not_divided_by_the_spread() -> None:
    options = DR_GRPO.options(max_tokens=8)
    found = DR_GRPO.advantages(experience_of([group("a", 0.0, 1.0, 1.0)], {}), options)
    assert found.tolist() == pytest.approx([-2 / 3] * 2 + [1 / 3] * 4)


def test_its_mean_is_over_the_most_tokens_that_an_answer_may_have() -> None:
    assert DR_GRPO.options(max_tokens=8).mean == "budget"
    with pytest.raises(ValueError, match="max_tokens"):
        DR_GRPO.options()
