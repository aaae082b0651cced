"""REINFORCE++: token rewards, whitened over the batch."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

import torch

from reflexa.training.algorithms.reinforce_pp import REINFORCE_PP
from reflexa.training.online.experience import experience_of
from tests.training.online.made import group


def test_advantages_are_whitened_over_all_tokens_of_the_batch() -> None:
    experience = experience_of([group("a", 0.0, 0.0), group("b", 1.0, 1.0)], {})
    found = REINFORCE_PP.advantages(experience, REINFORCE_PP.options(kl_reward=0.0))
    assert found.tolist() == pytest.approx([-1.0] * 4 + [1.0] * 4, rel=0.1)
    assert float(found.sum()) == pytest.approx(0.0, abs=1e-5)


def test_a_token_pays_for_the_kl_of_itself_and_of_those_after_it() -> None:
    experience = experience_of([group("a", 0.0, 0.0)], {})
    drifted = replace(experience, reference=experience.old - torch.tensor([0.0, 1.0, 1.0, 0.0]))
    found = REINFORCE_PP.advantages(drifted, REINFORCE_PP.options(kl_reward=1.0))
    # To come: −1, −1 for the first completion, −1, 0 for the second.
    assert found[3] > 0 > found[0]
    assert found[0] == pytest.approx(float(found[1]))
    assert found[0] == pytest.approx(float(found[2]))


def test_its_defaults() -> None:
    options = REINFORCE_PP.options()
    assert (options.mean, options.level, options.kl_reward) == ("token", "token", 0.01)
