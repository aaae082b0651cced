"""Reflect, retry, reward as a table entry: its options, and what the policy is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
transformers: Any = pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from reflexa.models.local.sampling import TokenSampler  # noqa: E402
from reflexa.training.algorithms import find_online  # noqa: E402
from reflexa.training.algorithms.reflect_retry import REFLECT_RETRY, ReflectOptions, roller  # noqa: E402
from reflexa.training.engine.processes import joined  # noqa: E402
from reflexa.training.online.sampling import Roller  # noqa: E402
from reflexa.training.online.speaking import Speaker  # noqa: E402
from tests.training.online.runs import make_online  # noqa: E402


def make_plain(folder: Path) -> Roller:
    config = make_online(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(config.model)
    speaker = Speaker(model, transformers.AutoTokenizer.from_pretrained(config.model), ())
    with joined() as processes:
        return Roller(TokenSampler(model, speaker.ends), speaker, lambda answer: 0.0, config, processes)


def test_it_stands_in_the_table() -> None:
    assert find_online("reflect-retry") is REFLECT_RETRY


def test_the_attempts_own_reward_is_shown_but_not_learnt() -> None:
    assert ReflectOptions().weights == {"attempt": 0.0}


def test_the_policy_is_told_what_the_templates_say_unless_something_else_is_given(tmp_path: Path) -> None:
    plain = make_plain(tmp_path)
    usual = roller(plain, ReflectOptions()).turns
    assert "went wrong" in usual.reflect
    assert "again" in usual.retry
    assert (usual.tokens, usual.solved) == (128, 1.0)
    own = roller(plain, ReflectOptions(reflect="Why?", retry="", reflection_tokens=9, solved=0.5)).turns
    assert (own.reflect, own.retry, own.tokens, own.solved) == ("Why?", "", 9, 0.5)


def test_it_samples_with_the_plain_rollers_model_and_reward(tmp_path: Path) -> None:
    plain = make_plain(tmp_path)
    made = roller(plain, ReflectOptions())
    assert (made.sampler, made.reward, made.clock) == (plain.sampler, plain.reward, plain.clock)
