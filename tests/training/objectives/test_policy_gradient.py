"""The clipped policy loss against numbers worked by hand, numpy, and finite differences."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor

from reflexa.errors import UsageError
from reflexa.training.objectives.policy_gradient import ClipConfig, TokenBatch, clipped_policy_loss
from tests.training.objectives.support import PRECISIONS, Array, as_array, counts, vector

GRPO = ClipConfig(kl=0.04)
SETTINGS: dict[str, ClipConfig] = {
    "grpo": GRPO,
    "dr-grpo": ClipConfig(mean="budget", max_tokens=16),
    "dapo": ClipConfig(clip_high=0.28, mean="token"),
    "gspo": ClipConfig(clip_low=3e-4, clip_high=4e-4, level="sequence"),
    "rloo": ClipConfig(level="product"),
    "k1": ClipConfig(kl=0.1, estimator="k1", mean="token"),
    "k2": ClipConfig(kl=0.1, estimator="k2", mean="token"),
    "corrected": ClipConfig(kl=0.1, correct_kl=True),
}
EACH = pytest.mark.parametrize("name", SETTINGS)
LN2 = math.log(2)
BATCH = TokenBatch(
    logprobs=vector(-1.0 + LN2, -2.0, -1.0 - LN2, -9.0),
    old=vector(-1.0, -2.0, -1.0, -4.0),
    advantages=vector(3.0, 3.0, -1.0, -1.0),
    mask=vector(1.0, 1.0, 1.0, 0.0),
    counts=counts(2, 2),
    reference=vector(-1.0, -2.0 - LN2, -1.0, -7.0),
)
"""Ratios 2, 1 and ½ (the fourth token is not learnt); ln r of the reference −ln 2, −ln 2, ln 2."""


def numpy_loss(batch: TokenBatch, config: ClipConfig) -> float:
    """Completion by completion, as the papers write it."""
    logprobs, old, advantages, mask = map(as_array, (batch.logprobs, batch.old, batch.advantages, batch.mask))
    reference = as_array(batch.reference)
    parts: list[Array] = []
    start = 0
    for length in batch.counts.tolist():
        own = np.flatnonzero(mask[start : start + length]) + start
        start += length
        ratio = np.exp(logprobs[own] - old[own])
        if config.level == "sequence":
            ratio = np.full(len(own), math.exp(np.mean(logprobs[own] - old[own]))) if len(own) else ratio
        elif config.level == "product":
            ratio = np.full(len(own), np.prod(ratio))
        clipped = np.clip(ratio, 1 - config.clip_low, 1 + config.clip_high)
        x = reference[own] - logprobs[own]
        kl = {"k1": -x, "k2": x**2 / 2, "k3": np.exp(x) - 1 - x}[config.estimator]
        kl = kl * (ratio if config.correct_kl else 1.0)
        parts.append(-np.minimum(ratio * advantages[own], clipped * advantages[own]) + config.kl * kl)
    if config.mean == "token":
        return float(np.concatenate(parts).sum() / max(1, sum(map(len, parts))))
    if config.mean == "budget":
        return float(np.mean([part.sum() / float(config.max_tokens or 0) for part in parts]))
    return float(np.mean([part.mean() if len(part) else 0.0 for part in parts]))


def draw(seed: int, lengths: list[int], dtype: torch.dtype) -> TokenBatch:
    """Random completions whose policies are within a nat or so of each other, some tokens not learnt."""
    random = np.random.default_rng(seed)
    tokens = sum(lengths)
    logprobs = torch.tensor(-random.uniform(0.05, 4.0, tokens), dtype=dtype)
    # Differences of log-probabilities are all that counts: each is made of what the type can hold.
    old, reference = (logprobs + torch.tensor(random.normal(0, 0.5, tokens), dtype=dtype) for _ in range(2))
    return TokenBatch(
        logprobs=logprobs,
        old=old,
        advantages=torch.tensor(np.repeat(random.normal(0, 1, len(lengths)), lengths), dtype=dtype),
        mask=torch.tensor(random.integers(0, 4, tokens) > 0, dtype=dtype),
        counts=torch.tensor(lengths),
        reference=reference,
    )


def metrics(batch: TokenBatch, config: ClipConfig) -> dict[str, float]:
    return {name: value.item() for name, value in clipped_policy_loss(batch, config).metrics.items()}


def test_grpo_by_hand() -> None:
    """Losses −1.2·3 (clipped), −3 and −(−1·0.8) (clipped); KL ½ − 1 + ln 2 twice and 2 − 1 − ln 2."""
    kl = 0.5 - 1 + LN2, 0.5 - 1 + LN2, 2 - 1 - LN2
    output = clipped_policy_loss(BATCH, GRPO)
    expected = ((-3.6 + 0.04 * kl[0] - 3.0 + 0.04 * kl[1]) / 2 + 0.8 + 0.04 * kl[2]) / 2
    assert output.loss.item() == pytest.approx(expected)
    assert output.weight.item() == 2.0


def test_metrics_by_hand() -> None:
    """Means over the completions' means: (2 + 1)/2 and ½; k1 of ln r −ln 2, −ln 2 and ln 2."""
    told = metrics(BATCH, GRPO)
    assert told["ratio"] == pytest.approx((1.5 + 0.5) / 2)
    assert (told["clip/high"], told["clip/low"]) == (0.25, 0.5)
    assert told["entropy"] == pytest.approx(((1.0 - LN2 + 2.0) / 2 + 1.0 + LN2) / 2)
    assert told["kl/old"] == pytest.approx(((1 - LN2) / 2 + 0.5 - 1 + LN2) / 2)
    assert told["kl/k1"] == pytest.approx((LN2 - LN2) / 2)
    assert told["kl/k2"] == pytest.approx(LN2**2 / 2)
    assert told["kl/k3"] == pytest.approx((0.5 - 1 + LN2 + 2 - 1 - LN2) / 2)


def test_dapo_by_hand() -> None:
    output = clipped_policy_loss(BATCH, SETTINGS["dapo"])
    assert output.loss.item() == pytest.approx((-1.28 * 3 - 3 + 0.8) / 3)
    assert output.weight.item() == 3.0
    assert metrics(BATCH, SETTINGS["dapo"])["clip/high"] == pytest.approx(1 / 3)


def test_dr_grpo_by_hand() -> None:
    output = clipped_policy_loss(BATCH, SETTINGS["dr-grpo"])
    assert output.loss.item() == pytest.approx(((-3.6 - 3.0) / 16 + 0.8 / 16) / 2)
    assert output.weight.item() == 2.0


def test_gspo_by_hand() -> None:
    """Ratios √2 and ½ of the two answers, held to 1.0004 and 0.9997."""
    output = clipped_policy_loss(BATCH, SETTINGS["gspo"])
    assert output.loss.item() == pytest.approx((-1.0004 * 3 + 0.9997) / 2)
    near = replace(BATCH, logprobs=BATCH.old + vector(1e-4, 3e-4, 1e-4, 0.0))
    free = clipped_policy_loss(near, SETTINGS["gspo"])
    assert free.loss.item() == pytest.approx((-math.exp(2e-4) * 3 + math.exp(1e-4)) / 2, rel=1e-12)


def test_rloo_by_hand() -> None:
    """Ratios 2·1 and ½ of the whole answers, held to 1.2 and 0.8."""
    assert clipped_policy_loss(BATCH, SETTINGS["rloo"]).loss.item() == pytest.approx((-1.2 * 3 + 0.8) / 2)


@EACH
@PRECISIONS
@given(seed=st.integers(0, 2**32 - 1), lengths=st.lists(st.integers(1, 12), min_size=1, max_size=6))
@settings(max_examples=30, deadline=None)
def test_agrees_with_numpy(name: str, dtype: torch.dtype, tolerance: float, seed: int, lengths: list[int]) -> None:
    batch = draw(seed, lengths, dtype)
    expected = numpy_loss(batch, SETTINGS[name])
    # Completions of either sign may cancel, where a share of the sum would mean nothing.
    scale = float(np.abs(as_array(batch.advantages)).mean())
    got = clipped_policy_loss(batch, SETTINGS[name]).loss.item()
    assert got == pytest.approx(expected, rel=tolerance, abs=tolerance * scale)


@EACH
def test_gradients_agree_with_finite_differences(name: str) -> None:
    batch = draw(7, [3, 1, 5], torch.float64)

    def loss(logprobs: Tensor) -> Tensor:
        return clipped_policy_loss(replace(batch, logprobs=logprobs), SETTINGS[name]).loss

    assert torch.autograd.gradcheck(loss, batch.logprobs.clone().requires_grad_())


@pytest.mark.parametrize("name", ["grpo", "dr-grpo", "dapo", "rloo"])
def test_on_policy_the_gradient_is_the_policy_gradient(name: str) -> None:
    """At ρ = 1 nothing is clipped: −A/(completions · |y|) of each token, or what the mean makes of it."""
    batch = draw(7, [3, 1, 5], torch.float64)
    mask = torch.ones(9, dtype=torch.float64)
    logprobs = batch.old.clone().requires_grad_()
    batch = replace(batch, logprobs=logprobs, mask=mask, reference=batch.old)
    (gradient,) = torch.autograd.grad(clipped_policy_loss(batch, SETTINGS[name]).loss, logprobs)
    shares = {"grpo": 1 / (3 * vector(3, 3, 3, 1, 5, 5, 5, 5, 5)), "dr-grpo": mask / 48, "dapo": mask / 9}
    share = shares.get(name, mask / 3)  # RLOO: a whole answer is one action
    torch.testing.assert_close(gradient, -batch.advantages * share)


def test_corrected_the_kl_has_its_own_gradient_on_policy() -> None:
    """Over all tokens of a vocabulary of three, weighed by π as samples are."""
    logits, reference = vector(0.3, 1.0, -1.0).requires_grad_(), vector(0.5, 0.0, 0.0).log_softmax(0)
    policy = logits.log_softmax(0)
    (exact,) = torch.autograd.grad((policy.exp() * (policy - reference)).sum(), logits, retain_graph=True)
    gradient = torch.zeros(3, dtype=torch.float64)
    for token in range(3):
        own = policy[token : token + 1]
        batch = TokenBatch(
            logprobs=own,
            old=own.detach(),
            advantages=vector(0.0),
            mask=vector(1.0),
            counts=counts(1),
            reference=reference[token : token + 1],
        )
        loss = clipped_policy_loss(batch, ClipConfig(kl=1.0, correct_kl=True)).loss
        gradient += own.exp().detach() * torch.autograd.grad(loss, logits, retain_graph=True)[0]
    torch.testing.assert_close(gradient, exact)


@EACH
def test_only_the_policy_gets_a_gradient(name: str) -> None:
    batch = draw(7, [3, 2], torch.float64)
    assert batch.reference is not None
    inputs = [column.requires_grad_() for column in (batch.logprobs, batch.old, batch.advantages, batch.reference)]
    policy, *others = torch.autograd.grad(clipped_policy_loss(batch, SETTINGS[name]).loss, inputs, allow_unused=True)
    assert policy is not None
    assert others == [None, None, None]


@EACH
def test_what_is_not_learnt_may_hold_anything(name: str) -> None:
    batch = draw(7, [3, 2, 4], torch.float64)
    batch = replace(batch, mask=vector(1, 1, 1, 0, 0, 0, 1, 1, 0))
    broken = torch.where(batch.mask > 0, batch.logprobs, -torch.inf).requires_grad_()
    output = clipped_policy_loss(replace(batch, logprobs=broken), SETTINGS[name])
    assert output.loss.item() == clipped_policy_loss(batch, SETTINGS[name]).loss.item()
    (gradient,) = torch.autograd.grad(output.loss, broken)
    assert torch.isfinite(gradient).all()
    assert gradient[batch.mask == 0].tolist() == [0.0] * 4


@EACH
def test_extremes_stay_finite(name: str) -> None:
    logprobs = torch.tensor([0.0, -1e4, -1.0], requires_grad=True)
    batch = TokenBatch(
        logprobs=logprobs,
        old=torch.tensor([-1e4, 0.0, -1.0]),
        advantages=torch.tensor([-5.0, -5.0, 5.0]),
        mask=torch.ones(3),
        counts=counts(1, 2),
        reference=torch.tensor([-1e4, 0.0, -1.0]),
    )
    output = clipped_policy_loss(batch, SETTINGS[name])
    values = [output.loss, *output.metrics.values(), torch.autograd.grad(output.loss, logprobs)[0]]
    assert all(torch.isfinite(value).all() for value in values)


@EACH
def test_parts_combine_to_the_whole(name: str) -> None:
    """Losses and metrics alike, however completions are dealt to micro-batches."""
    batch = draw(3, [2, 5, 1, 4], torch.float64)
    starts, parts = [0, 2, 8, 12], []
    for number, (start, stop) in enumerate(itertools.pairwise(starts)):
        columns = {key: getattr(batch, key)[start:stop] for key in ("logprobs", "old", "advantages", "mask")}
        sizes = [counts(2), counts(5, 1), counts(4)][number]
        assert batch.reference is not None
        part = TokenBatch(**columns, counts=sizes, reference=batch.reference[start:stop])
        parts.append(clipped_policy_loss(part, SETTINGS[name]))
    whole = clipped_policy_loss(batch, SETTINGS[name])
    weight = torch.stack([part.weight for part in parts]).sum()
    torch.testing.assert_close(weight, whole.weight)
    torch.testing.assert_close(torch.stack([part.weight * part.loss for part in parts]).sum() / weight, whole.loss)
    for metric, value in whole.metrics.items():
        combined = torch.stack([part.weight * part.metrics[metric] for part in parts]).sum() / weight
        torch.testing.assert_close(combined, value)


def test_a_completion_without_learnt_tokens_counts_as_one_that_teaches_nothing() -> None:
    batch = replace(BATCH, mask=vector(1.0, 1.0, 0.0, 0.0))
    assert clipped_policy_loss(batch, ClipConfig()).loss.item() == pytest.approx(-3.3 / 2)
    none = clipped_policy_loss(replace(BATCH, mask=vector(0.0, 0.0, 0.0, 0.0)), SETTINGS["dapo"])
    assert (none.loss.item(), none.weight.item()) == (0.0, 0.0)


def test_without_a_reference() -> None:
    bare = replace(BATCH, reference=None)
    assert clipped_policy_loss(bare, ClipConfig()).loss.item() == clipped_policy_loss(BATCH, ClipConfig()).loss.item()
    assert not any(name.startswith("kl/k") for name in metrics(bare, ClipConfig()))
    with pytest.raises(UsageError, match="a KL term needs the frozen model's"):
        clipped_policy_loss(bare, GRPO)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"old": vector(-1.0)}, r"^old has the shape \[1\]: expected \[4\]"),
        ({"advantages": counts(1, 2, 3, 4)}, "^advantages holds torch.int64: expected floating point"),
        ({"mask": vector(1.0)}, "^mask has the shape"),
        ({"counts": counts(2, 1)}, "^counts add up to 3 tokens: expected 4"),
        ({"reference": vector(1.0)}, "^reference has the shape"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        clipped_policy_loss(replace(BATCH, **change), ClipConfig())


@pytest.mark.parametrize(
    "settings_", [{"mean": "budget"}, {"clip_low": 0.0}, {"clip_high": 0.0}, {"kl": -1.0}, {"level": "word"}]
)
def test_settings_without_meaning_are_refused(settings_: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ClipConfig.model_validate(settings_)
