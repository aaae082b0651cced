"""A step's samples in numbers, worked out by hand."""

from __future__ import annotations

import math

import pytest

pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

import torch

from reflexa.training.online.experience import experience_of
from reflexa.training.online.summary import divergence, informative, new_tokens, summary
from tests.training.online.made import group


def test_metrics_of_two_groups() -> None:
    groups = [group("a", 0.0, 1.0), group("b", 1.0, 1.0)]
    metrics = summary(experience_of(groups, {}))
    assert metrics["reward"] == pytest.approx(0.75)
    assert metrics["reward/spread"] == pytest.approx(math.sqrt(3) / 4)
    assert metrics["equal_groups"] == 0.5
    assert metrics["distinct"] == pytest.approx((2 / 2 + 1 / 2) / 2)
    assert (metrics["length"], metrics["finished"]) == (2.0, 1.0)
    assert metrics["entropy"] == pytest.approx(1.0)
    assert new_tokens(groups) == 8


def test_parts_have_means_of_their_own() -> None:
    (one,) = [group("a", 0.0)]
    rollouts = tuple(type(one.rollouts[0])(one.rollouts[0].segments, "", True, {"x": x, "y": 2.0}) for x in (0.0, 1.0))
    metrics = summary(experience_of([type(one)(one.prompt, one.tokens, rollouts)], {"y": 0.5}))
    assert (metrics["reward"], metrics["reward/x"], metrics["reward/y"]) == (1.5, 0.5, 2.0)
    assert metrics["reward/y/spread"] == 0.0


def test_divergence_of_a_policy_twice_as_sure() -> None:
    experience = experience_of([group("a", 0.0, 1.0)], {})
    now = experience.old
    found = divergence(now, now - math.log(2), experience)
    assert found["kl"] == pytest.approx(0.5 - 1 + math.log(2))
    assert found["kl/k1"] == pytest.approx(math.log(2))
    assert found["kl/sequence"] == pytest.approx(2 * math.log(2))
    assert divergence(now, now, experience) == {"kl": 0.0, "kl/k1": 0.0, "kl/sequence": 0.0}


def test_a_group_teaches_where_its_rewards_differ() -> None:
    assert informative(torch.tensor([0.0, 0.5]))
    assert not informative(torch.tensor([0.5, 0.5]))
