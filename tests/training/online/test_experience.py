"""Samples as tensors and as trees: what is left out changes no gradient."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

import torch

from reflexa.training.config import OptimizerConfig
from reflexa.training.engine.batching import Share
from reflexa.training.engine.loading import prepare
from reflexa.training.engine.processes import Processes
from reflexa.training.engine.scored import Scored
from reflexa.training.engine.stepper import Rows, Stepper
from reflexa.training.engine.weights import Weights
from reflexa.training.objectives.output import LossOutput
from reflexa.training.objectives.policy_gradient import ClipConfig, TokenBatch, clipped_policy_loss
from reflexa.training.online.experience import (
    Trajectories,
    experience_of,
    first,
    informative,
    trajectories,
    trees,
    weight_of,
)
from tests.training.models import llama
from tests.training.online.made import group

GROUPS = [group("a", 0.0, 1.0, 0.0), group("b", 1.0, 1.0, 1.0), group("c", 0.0, 0.0, 0.5)]


def rows(tokens: int = 1000) -> list[Trajectories]:
    """Advantages of +1 and −1 in the first group, 0 in the second, 0 but for the last completion in the third."""
    experience = experience_of(GROUPS, {})
    each = torch.tensor([-1.0, 1.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0])
    return trajectories(trees(GROUPS, tokens), experience, torch.repeat_interleave(each, experience.counts))


def test_samples_as_tensors() -> None:
    experience = experience_of(GROUPS, {"reward": 2.0})
    assert experience.rewards.tolist() == [[0, 2, 0], [2, 2, 2], [0, 0, 1]]
    assert experience.counts.tolist() == [2] * 9
    assert experience.old.tolist() == [-1.0] * 18
    assert experience.mask.tolist() == [1.0] * 18
    assert experience.earned.tolist()[:4] == [0.0, 0.0, 0.0, 2.0]


def test_a_group_that_is_too_large_becomes_several_trees() -> None:
    assert [len(tree.completions) for tree in trees(GROUPS, 1000)] == [3, 3, 3]
    assert [len(tree.completions) for tree in trees(GROUPS, 7)] == [2, 1] * 3
    assert [len(tree.completions) for tree in trees(GROUPS, 1)] == [1] * 9
    assert {tuple(tree.prompt) for tree in trees(GROUPS, 1)} == {(1, 2, 3)}
    (row,) = {len(row.old) for row in rows(7)} - {4}
    assert row == 2


def test_only_what_teaches_is_computed() -> None:
    given = rows()
    kept = [informative(row) for row in given]
    assert kept[0] is given[0]
    assert kept[1] is None
    assert kept[2] is not None
    assert (len(kept[2].completions), kept[2].advantages.tolist()) == (1, [2.0, 2.0])
    assert first(given[1]).old.tolist() == [-1.0, -1.0]
    assert (weight_of(given, True), weight_of(given, False)) == (18.0, 9.0)


@pytest.mark.parametrize("mean", ["completion", "token", "budget"])
def test_what_is_left_out_changes_no_weight(mean: str) -> None:
    config = ClipConfig.model_validate({"mean": mean, "max_tokens": 2})

    def loss(scored: Scored) -> LossOutput:
        chosen = [row for row in scored.examples if isinstance(row, Trajectories)]
        old, advantages, mask = (torch.cat([getattr(row, n) for row in chosen]) for n in ("old", "advantages", "mask"))
        batch = TokenBatch(
            logprobs=scored.scores, old=scored.scores.detach(), advantages=advantages, mask=mask, counts=scored.counts
        )
        assert len(old) == len(advantages)
        return clipped_policy_loss(batch, config)

    results = []
    for drops in (False, True):
        whole = rows()
        kept = [part for part in map(informative, whole) if part is not None] if drops else whole
        by_token = mean == "token"
        idle = weight_of(whole, by_token) - weight_of(kept, by_token)
        scorer = prepare(llama())
        # Plain descent in all but name: Adam's first step would hide the gradient's size.
        weights = Weights(scorer, torch.float32, OptimizerConfig(epsilon=1e3, clip=1e9))
        processes = Processes(Share(), torch.device("cpu"))
        step = Stepper(scorer, weights, loss, processes).step(Rows(kept), [tuple(range(len(kept)))], 1e3, 1e9, idle)
        results.append((step.loss, step.norm, torch.cat([each.detach().flatten() for each in scorer.parameters()])))
    assert results[0][0] == pytest.approx(results[1][0], abs=1e-6)
    assert results[0][1] == pytest.approx(results[1][1], rel=1e-4)
    torch.testing.assert_close(results[0][2], results[1][2], rtol=1e-4, atol=1e-5)
