"""Steps over micro-batches."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

import torch

from reflexa.errors import TrainingError
from reflexa.training.config import OptimizerConfig
from reflexa.training.engine.batching import Share
from reflexa.training.engine.loading import prepare
from reflexa.training.engine.processes import Processes
from reflexa.training.engine.scored import Scored
from reflexa.training.engine.stepper import Rows, Stepper, StepResult
from reflexa.training.engine.weights import Weights
from reflexa.training.objectives.output import LossOutput
from reflexa.training.objectives.supervised import TokenBatch, nll
from tests.training.models import llama, trees

ROWS = Rows(trees(0, [(4, 3), (2, 9), (5, 1)]))


def loss(scored: Scored) -> LossOutput:
    return nll(TokenBatch(logps=scored.sums, tokens=scored.counts))


def stepper() -> tuple[Stepper, torch.nn.Module]:
    scorer = prepare(llama())
    weights = Weights(scorer, torch.float32, OptimizerConfig(learning_rate=0.01))
    return Stepper(scorer, weights, loss, Processes(Share(), torch.device("cpu"))), scorer


def one_step(batches: list[tuple[int, ...]]) -> tuple[StepResult, list[torch.Tensor]]:
    mover, scorer = stepper()
    result = mover.step(ROWS, batches, 0.01, 1e4)
    return result, [parameter.detach().clone() for parameter in scorer.parameters()]


@pytest.mark.parametrize("batches", [[(0,), (1,), (2,)], [(2, 0), (), (1,)]])
def test_the_split_into_micro_batches_changes_nothing(batches: list[tuple[int, ...]]) -> None:
    """Rows of unequal length, and a round without rows, which counts for nothing."""
    (expected, weights), (got, others) = one_step([(0, 1, 2)]), one_step(batches)
    assert got.loss == pytest.approx(expected.loss, rel=1e-5)
    assert got.norm == pytest.approx(expected.norm, rel=1e-4)
    assert got.tokens == expected.tokens == 24
    for one, other in zip(weights, others, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


def test_looking_changes_nothing_and_sees_what_a_step_sees() -> None:
    mover, scorer = stepper()
    before = [parameter.detach().clone() for parameter in scorer.parameters()]
    seen = mover.means(ROWS, tokens=9)["loss"]
    assert all(torch.equal(one, other) for one, other in zip(before, scorer.parameters(), strict=True))
    assert scorer.training
    assert mover.step(ROWS, [(0, 1, 2)], 0.01, 1e4).loss == pytest.approx(seen, rel=1e-5)


def test_a_norm_that_is_too_large_leaves_the_weights() -> None:
    mover, scorer = stepper()
    before = [parameter.detach().clone() for parameter in scorer.parameters()]
    with pytest.raises(TrainingError, match="the gradients' norm"):
        mover.step(ROWS, [(0, 1, 2)], 0.01, 1e-9)
    assert all(torch.equal(one, other) for one, other in zip(before, scorer.parameters(), strict=True))
