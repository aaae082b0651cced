"""Samples for online learning: what transformers would say, the trainer's log-probabilities, the trainer's model left
as it was.
"""

from __future__ import annotations

import heapq
import random
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support.tiny_models import make_checkpoint

torch = pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

from reflexa.models.local.sampling import Draw, Sample, TokenSampler  # noqa: E402  (needs torch)
from reflexa.training.config import LoraConfig  # noqa: E402
from reflexa.training.engine.loading import add_lora, load_model, prepare  # noqa: E402
from reflexa.training.engine.packing import Example, pack  # noqa: E402
from tests.training.models import MODELS, VOCABULARY  # noqa: E402

END = 2


def prompts_of(lengths: Sequence[int]) -> list[list[int]]:
    draw = random.Random(6)
    return [[draw.randrange(VOCABULARY) for _ in range(length)] for length in lengths]


PROMPTS = prompts_of([5, 2, 11, 1, 70, 3])


@pytest.fixture(scope="module", params=MODELS)
def model(request: pytest.FixtureRequest) -> Any:
    return MODELS[request.param]().eval()


@pytest.mark.parametrize(("n", "slots"), [(1, 64), (1, 2), (3, 64), (3, 4)])
def test_the_likeliest_tokens_are_those_of_transformers(model: Any, n: int, slots: int) -> None:
    prompts = prompts_of([5, 2, 11, 1, 60, 130])
    groups = TokenSampler(model, [END], slots=slots).sample(prompts, n, Draw(max_tokens=10, temperature=0))
    for prompt, samples in zip(prompts, groups, strict=True):
        expected = model.generate(torch.tensor([prompt]), do_sample=False, max_new_tokens=10, eos_token_id=END)
        assert [list(sample.tokens) for sample in samples] == [expected[0, len(prompt) :].tolist()] * n


def test_samples_do_not_depend_on_the_slots(model: Any) -> None:
    draw = Draw(max_tokens=8, seed=3, temperature=1.1, top_p=0.95)
    once, *others = (TokenSampler(model, [END], slots=slots).sample(PROMPTS, 3, draw) for slots in (64, 5, 1))
    for other in others:
        assert [[sample.tokens for sample in group] for group in other] == [[s.tokens for s in group] for group in once]
    drawn = [sample.tokens for group in once for sample in group]
    assert len(set(drawn)) == len(drawn)


def test_a_slot_is_refilled_as_soon_as_a_row_ends_and_a_prompt_is_computed_once(model: Any) -> None:
    sampler = TokenSampler(model, range(0, VOCABULARY, 6), slots=4)
    groups = sampler.sample(PROMPTS, 4, Draw(max_tokens=20, seed=2))
    lengths = [len(sample.tokens) for group in groups for sample in group]
    # Each token takes a step of the slot that its row holds.
    slots = [0] * 4
    for length in lengths:
        heapq.heapreplace(slots, slots[0] + length)
    assert sampler.work.steps == max(slots)
    assert sampler.work.tokens == sum(lengths)
    assert sampler.work.prompt_tokens == sum(map(len, PROMPTS))
    batches = sum(max(lengths[start : start + 4]) for start in range(0, len(lengths), 4))
    assert sampler.work.steps < 0.8 * batches


@pytest.mark.parametrize("adapted", [False, True], ids=["whole", "adapters"])
def test_log_probabilities_are_those_of_training_and_the_model_is_left_as_it_was(tmp_path: Path, adapted: bool) -> None:
    trained = load_model(str(make_checkpoint(tmp_path / "tiny")))
    if adapted:
        trained = add_lora(trained, LoraConfig(rank=2))
        for name, parameter in trained.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.3)
    scorer = prepare(trained)
    weights = {name: parameter.detach().clone() for name, parameter in trained.named_parameters()}
    groups = TokenSampler(trained, [END], slots=7).sample(PROMPTS, 3, Draw(max_tokens=9, seed=4))
    trees = [
        Example(array("i", prompt), tuple(array("i", sample.tokens) for sample in group))
        for prompt, group in zip(PROMPTS, groups, strict=True)
    ]
    assert trained.training
    assert all(torch.equal(weights[name], parameter) for name, parameter in trained.named_parameters())
    with torch.no_grad():
        learnt = scorer(pack(trees, scores_tokens=True))
    drawn = [logprob for group in groups for sample in group for logprob in sample.logprobs]
    assert drawn == pytest.approx(learnt.tolist(), abs=1e-4)


def test_samples_end_with_an_end_token_or_at_the_limit_and_are_told_as_they_end(model: Any) -> None:
    told: dict[tuple[int, int], Sample] = {}
    ends = range(VOCABULARY // 3)
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
