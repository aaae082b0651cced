"""The step loop's own stops. What it does when all goes well is tested in ``tests/training/test_api.py``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")
pytest.importorskip("transformers", reason="needs transformers: scripts/reflexa setup train")

import torch

from reflexa.errors import TrainingError
from reflexa.training.config import BatchConfig, OptimizerConfig, TrainConfig
from reflexa.training.engine.batching import Share, batches
from reflexa.training.engine.loading import prepare
from reflexa.training.engine.loop import Course, Loop
from reflexa.training.engine.processes import Processes
from reflexa.training.engine.scored import Scored
from reflexa.training.engine.stepper import Rows, Stepper
from reflexa.training.engine.weights import Weights
from reflexa.training.objectives.output import LossOutput
from tests.training.models import llama, trees

ALONE = Processes(Share(), torch.device("cpu"))


def run(error: Exception, tokens: int) -> None:
    """A loop over three rows whose loss raises ``error``, as torch does where memory runs out."""

    def fail(scored: Scored) -> LossOutput:
        raise error

    def save(step: int, loss: float, held_out: Mapping[str, float] | None) -> Path:
        return Path("unused")

    examples = trees(0, [(4, 3), (2, 9), (5, 1)])
    config = TrainConfig(
        algorithm="sft", model="m", data=(Path("d"),), output=Path("o"), batch=BatchConfig(rows=3, tokens=tokens)
    )
    scorer = prepare(llama())
    stepper = Stepper(scorer, Weights(scorer, torch.float32, OptimizerConfig()), fail, ALONE)
    course = Course(config, Rows(examples), batches(examples, 3, tokens, 0), 1, Rows([]))
    Loop(course, stepper, ALONE, save).run(0, Path("step-7"), None, None)


def test_out_of_memory_says_what_to_lower() -> None:
    torchs = RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")
    for error in (MemoryError(), torchs):
        with pytest.raises(TrainingError, match=r"step 1: out of memory; lower batch.tokens \(now 50;.*step-7"):
            run(error, 50)
    with pytest.raises(TrainingError, match=r"lower max_length \(the largest row has 11 tokens\)"):
        run(MemoryError(), 5)


def test_other_errors_are_not_taken_for_it() -> None:
    with pytest.raises(RuntimeError, match="a defect"):
        run(RuntimeError("a defect"), 50)
