"""Outcome reward models: what is read of a row, its loss, and a trained model that loads back."""

from __future__ import annotations

from pathlib import Path

import torch

from reflexa.models.local.scorer import LocalScorer
from reflexa.rows import UnpairedRow
from reflexa.training.objectives.reward import ScoredOutcomes, outcome
from tests.training.algorithms.support import Bench, architecture, run, scores


def rows(count: int, start: int = 0) -> list[UnpairedRow]:
    """Answers that are right where they say yes."""
    return [
        UnpairedRow(prompt=f"q{index} ", completion=f"{'yes' if index % 2 else 'no'} {index}", label=bool(index % 2))
        for index in range(start, start + count)
    ]


def test_the_loss_is_that_of_the_labels(bench: Bench) -> None:
    examples = [bench.encode("orm", row) for row in rows(3)]
    assert [example.values for example in examples] == [(0.0,), (1.0,), (0.0,)]
    logits = torch.tensor([[1.0], [2.0], [-3.0]])
    expected = outcome(ScoredOutcomes(logits=logits[:, 0], labels=torch.tensor([0.0, 1.0, 0.0])))
    torch.testing.assert_close(bench.loss("orm", scores(examples, logits)).loss, expected.loss)


def test_a_trained_model_loads_back_and_tells_right_from_wrong(bench: Bench, tmp_path: Path) -> None:
    result, reports = run(tmp_path, bench.checkpoint, "orm", rows(16))
    assert architecture(result.model) == "LlamaForSequenceClassification"
    assert reports[-1].metrics["accuracy"] == 1.0
    unseen = rows(8, start=20)
    logits = LocalScorer(str(result.model), threads=1).score([(row.prompt, row.completion) for row in unseen])
    assert [logit > 0 for logit in logits] == [row.label for row in unseen]
