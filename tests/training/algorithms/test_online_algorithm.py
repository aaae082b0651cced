"""What the GRPO family shares: advantages within groups, the KL in the reward, and the table."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

import torch

from reflexa.errors import UsageError
from reflexa.training.algorithms import find_algorithm, find_online, list_online
from reflexa.training.algorithms.online_algorithm import OnlineOptions, token_penalty, within_groups
from reflexa.training.online.experience import experience_of
from tests.training.online.made import group


def test_all_tokens_of_a_sample_have_its_advantage() -> None:
    experience = experience_of([group("a", 0.0, 1.0), group("b", 3.0, 3.0)], {})
    assert within_groups("dr-grpo")(experience, OnlineOptions()).tolist() == [-0.5, -0.5, 0.5, 0.5, 0.0, 0.0, 0.0, 0.0]


def test_a_kl_penalty_is_the_whole_completions() -> None:
    experience = experience_of([group("a", 0.0, 0.0)], {})
    reference = experience.old - torch.tensor([0.5, 0.5, 0.0, 0.0])
    penalised = replace(experience, reference=reference)
    assert token_penalty(penalised).tolist() == [0.5, 0.5, 0.0, 0.0]
    found = within_groups("dr-grpo")(penalised, OnlineOptions(kl_reward=2.0))
    assert found.tolist() == pytest.approx([-1.0, -1.0, 1.0, 1.0])
    with pytest.raises(UsageError, match="without a reference"):
        within_groups("grpo")(experience, OnlineOptions(kl_reward=1.0))


def test_names_tell_what_an_algorithm_learns_from() -> None:
    assert {each.name for each in list_online()} >= {"grpo", "dr-grpo", "dapo", "gspo", "rloo", "reinforce++"}
    with pytest.raises(UsageError, match="learns from its own samples, not from rows"):
        find_algorithm("grpo")
    with pytest.raises(UsageError, match="learns from rows, not from its own samples"):
        find_online("dpo")
    with pytest.raises(UsageError, match="did you mean dapo"):
        find_online("dappo")
