"""Which rows make which update, and at what rate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
transformers: Any = pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from reflexa.training.config import OptimizerConfig  # noqa: E402
from reflexa.training.engine.batching import Share  # noqa: E402
from reflexa.training.engine.loading import prepare  # noqa: E402
from reflexa.training.engine.processes import Processes  # noqa: E402
from reflexa.training.engine.scored import Scored  # noqa: E402
from reflexa.training.engine.weights import Weights  # noqa: E402
from reflexa.training.objectives.output import LossOutput, averaged  # noqa: E402
from reflexa.training.online.config import OnlineConfig  # noqa: E402
from reflexa.training.online.updates import Updates  # noqa: E402
from tests.training.models import llama, trees  # noqa: E402


def run(step: int, **changes: Any) -> tuple[list[list[int]], list[bool], float]:
    """The rows of each update of a step, whether the weights were still its first, and the last rate."""
    optimizer = OptimizerConfig(learning_rate=1.0, schedule="linear", warmup=0, clip=1e-9)
    settings = {"algorithm": "grpo", "model": "m", "output": Path("o"), "steps": 4, "optimizer": optimizer, **changes}
    examples = trees(0, [(4, 3), (2, 4), (5, 5), (3, 6)])
    rows: list[list[int]] = []
    first: list[bool] = []

    def loss(scored: Scored) -> LossOutput:
        rows.append(sorted(examples.index(each) for each in scored.examples))
        first.append(updates.first)
        return averaged(-scored.scores, {})

    scorer = prepare(llama())
    weights = Weights(scorer, torch.float32, optimizer)
    alone = Processes(Share(), torch.device("cpu"))
    updates = Updates(OnlineConfig(**settings), scorer, weights, loss, alone)
    return rows, first, updates.run(examples, step).rate


def test_every_pass_has_every_row_once() -> None:
    rows, first, _ = run(0, epochs=2, minibatches=2)
    assert [sorted(rows[0] + rows[1]), sorted(rows[2] + rows[3])] == [[0, 1, 2, 3]] * 2
    assert first == [True, False, False, False]
    assert run(0, epochs=2, minibatches=2)[0] == rows


def test_rows_are_split_by_their_tokens_where_there_is_one_update() -> None:
    rows, first, _ = run(0, batch_tokens=18)
    assert sorted(row for part in rows for row in part) == [0, 1, 2, 3]
    assert len(rows) > 1
    assert first == [True] * len(rows)


def test_more_updates_than_rows_are_as_many_as_rows() -> None:
    assert sorted(run(0, minibatches=9)[0]) == [[0], [1], [2], [3]]


def test_the_rate_falls_with_the_updates() -> None:
    assert [run(step)[2] for step in range(4)] == [1.0, 0.75, 0.5, 0.25]
    assert run(1, minibatches=2)[2] == pytest.approx(1 - 3 / 8)
