"""Process reward models: where steps are judged, their loss, and a trained model that loads back."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from reflexa.models.local.scorer import LocalScorer
from reflexa.rows import StepRow
from reflexa.training.objectives.process import StepBatch, steps
from reflexa.types import Attempt, Message, Task
from reflexa.verifiers import open_verifier
from tests.training.algorithms.support import Bench, architecture, run, scores
from tests.verifiers.judges import scorer_means


def solution(index: int, wrong: int | None) -> StepRow:
    """Three steps of a sum, from the ``wrong`` one on all wrong."""
    labels = tuple(wrong is None or step < wrong for step in range(3))
    texts = tuple(f"step {index} {'ok' if right else 'bad'}" for right in labels)
    return StepRow(prompt=f"q{index} ", completions=texts, labels=labels)


def test_steps_are_marked_at_their_last_tokens(bench: Bench) -> None:
    row = StepRow(prompt="q ", completions=("ab", "c"), labels=(True, 0.25))
    example = bench.encode("prm", row)
    (completion,) = example.completions
    assert bytes(completion) == bytes(bench.encoder.ids("ab\nc\n"))
    assert example.marks == ((2, 4),)
    assert example.values == (1.0, 0.25)


def test_the_loss_is_over_all_steps_of_all_solutions(bench: Bench) -> None:
    examples = [
        bench.encode("prm", solution(0, 1)),
        bench.encode("prm", StepRow(prompt="q", completions=("a",), labels=(0.5,))),
    ]
    logits = torch.tensor([[0.0, 1.0], [2.0, 1.0], [0.5, 0.5], [-1.0, 1.0]])
    expected = steps(StepBatch(logits=logits, labels=torch.tensor([1.0, 0.0, 0.0, 0.5])))
    got = bench.loss("prm", scores(examples, logits))
    torch.testing.assert_close(got.loss, expected.loss)
    assert got.weight.item() == 4.0


@pytest.mark.parametrize("mixed", [False, True], ids=["one length", "several lengths"])
def test_a_trained_model_loads_back_and_finds_the_first_wrong_step(bench: Bench, tmp_path: Path, mixed: bool) -> None:
    rows = [solution(index, (None, 0, 1, 2)[index % 4]) for index in range(16)]
    if mixed:
        rows += [StepRow(prompt="q ", completions=("step ok",), labels=(True,))] * 4
    result, reports = run(tmp_path, bench.checkpoint, "prm", rows)
    assert architecture(result.model) == "LlamaForTokenClassification"
    assert reports[-1].metrics["accuracy"] == 1.0
    scorer = LocalScorer(str(result.model), threads=1)
    for wrong in (None, 0, 1, 2):
        unseen = solution(30, wrong)
        right = [score > 0.5 for score in scorer.step_scores(unseen.prompt, unseen.completions)]
        assert right == list(unseen.labels)


def test_a_trained_model_is_a_verifier_of_steps(bench: Bench, tmp_path: Path) -> None:
    rows = [solution(index, (None, 0, 1, 2)[index % 4]) for index in range(16)]
    result, _ = run(tmp_path, bench.checkpoint, "prm", rows)
    verifier = open_verifier(f"process:{result.model}", scorer_means(LocalScorer(str(result.model), threads=1)))
    task = Task(id="t", prompt=(Message(role="user", content="q31 "),))
    right, wrong = (
        verifier.verify(task, Attempt(answer="\n\n".join(solution(31, first).completions))) for first in (None, 1)
    )
    assert [score > 0.5 for score in right.step_scores] == [True, True, True]
    assert [score > 0.5 for score in wrong.step_scores] == [True, False, False]
