"""Samples for online learning: what transformers would say, the trainer's log-probabilities, the trainer's model left
as it was.
"""

from __future__ import annotations

from array import array
from pathlib import Path
from typing import Any

import pytest

from tests.support.tiny_models import make_checkpoint

torch = pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
transformers = pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from reflexa.models.local_sampling import Draw, Sample, TokenSampler  # noqa: E402  (needs torch)
from reflexa.training.engine.loading import load_model, prepare  # noqa: E402
from reflexa.training.engine.packing import Example, pack  # noqa: E402

PROMPTS = [[9, 40, 77, 120, 5], [30, 31], [200] * 11, [8], [60, 61, 62]]
END = 2


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return load_model(str(make_checkpoint(tmp_path_factory.mktemp("sampling") / "tiny"))).eval()


def test_the_likeliest_tokens_are_those_of_transformers(model: Any) -> None:
    groups = TokenSampler(model, [END]).sample(PROMPTS, 1, Draw(max_tokens=12, temperature=0))
    for prompt, (sample,) in zip(PROMPTS, groups, strict=True):
        expected = model.generate(torch.tensor([prompt]), do_sample=False, max_new_tokens=12, eos_token_id=END)
        assert list(sample.tokens) == expected[0, len(prompt) :].tolist()


def test_log_probabilities_are_those_of_training_and_the_model_is_left_as_it_was(tmp_path: Path) -> None:
    trained = load_model(str(make_checkpoint(tmp_path / "tiny")))
    scorer = prepare(trained)
    groups = TokenSampler(trained, [END]).sample(PROMPTS, 3, Draw(max_tokens=9, seed=4))
    trees = [
        Example(array("i", prompt), tuple(array("i", sample.tokens) for sample in group))
        for prompt, group in zip(PROMPTS, groups, strict=True)
    ]
    assert trained.training
    with torch.no_grad():
        learnt = scorer(pack(trees, scores_tokens=True))
    drawn = [logprob for group in groups for sample in group for logprob in sample.logprobs]
    assert drawn == pytest.approx(learnt.tolist(), abs=1e-4)


def test_samples_end_with_an_end_token_or_at_the_limit_and_are_told_as_they_end(model: Any) -> None:
    told: dict[tuple[int, int], Sample] = {}
    ends = range(100)
    groups = TokenSampler(model, ends).sample(
        PROMPTS, 4, Draw(max_tokens=6, seed=1), lambda prompt, sample, drawn: told.update({(prompt, sample): drawn})
    )
    assert {(p, i): sample for p, group in enumerate(groups) for i, sample in enumerate(group)} == told
    for sample in told.values():
        assert sample.finished == (sample.tokens[-1] in ends)
        assert not any(token in ends for token in sample.tokens[:-1])
        assert sample.finished or len(sample.tokens) == 6
        assert len(sample.logprobs) == len(sample.tokens)
    assert {sample.finished for sample in told.values()} == {True, False}
