"""Passes without gradient: exact, and with the starting weights in place of the policy's."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
transformers: Any = pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from reflexa.training.config import LoraConfig  # noqa: E402
from reflexa.training.engine.batching import Share  # noqa: E402
from reflexa.training.engine.loading import add_lora, prepare  # noqa: E402
from reflexa.training.engine.processes import Processes  # noqa: E402
from reflexa.training.engine.scorer import Scorer  # noqa: E402
from reflexa.training.online.passes import Start, token_scores  # noqa: E402
from tests.training.models import llama, plain_logprobs, trees  # noqa: E402

ALONE = Processes(Share(), torch.device("cpu"))


def test_scores_are_the_models_own_whatever_the_batches() -> None:
    model, examples = llama(), trees(0, [(4, 3, 5), (2, 6), (5, 1, 1)])
    expected = torch.cat([part for example in examples for part in plain_logprobs(model, example)]).float()
    scorer = prepare(model)
    for batches in ([(0, 1, 2)], [(2,), (1, 0), ()]):
        torch.testing.assert_close(token_scores(scorer, examples, batches, ALONE), expected, rtol=1e-3, atol=1e-3)
    assert scorer.training


@pytest.mark.parametrize("adapters", [False, True])
def test_the_start_stays_what_it_was(adapters: bool) -> None:
    examples = trees(0, [(4, 3, 5)])
    scorer = prepare(llama())
    before = token_scores(scorer, examples, [(0,)], ALONE)
    start = Start(scorer, torch.float32, adapters)
    if adapters:
        scorer = Scorer(add_lora(scorer.model, LoraConfig(rank=2)))
    with torch.no_grad():
        for parameter in scorer.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1)
    moved = token_scores(scorer, examples, [(0,)], ALONE)
    assert (moved - before).abs().max() > 0.01
    with start.in_place(scorer):
        torch.testing.assert_close(token_scores(scorer, examples, [(0,)], ALONE), before)
    torch.testing.assert_close(token_scores(scorer, examples, [(0,)], ALONE), moved)
