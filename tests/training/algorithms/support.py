"""What the algorithms' tests share: a tiny checkpoint, runs over it, and what a plain forward pass says of its rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor

from reflexa.models.local.encoding import Encoder
from reflexa.rows import Row
from reflexa.training.algorithms import find_algorithm
from reflexa.training.api import TrainResult, train
from reflexa.training.config import BatchConfig, OptimizerConfig, TrainConfig
from reflexa.training.engine.metrics import StepReport
from reflexa.training.engine.packing import Example
from reflexa.training.engine.scored import Scored
from reflexa.training.objectives.output import LossOutput

_hf: Any = transformers


@dataclass(frozen=True, eq=False)
class Bench:
    """A checkpoint, and its model and encoder."""

    checkpoint: Path
    model: Any
    encoder: Encoder

    @classmethod
    def open(cls, checkpoint: Path) -> Bench:
        model = _hf.AutoModelForCausalLM.from_pretrained(checkpoint).eval()
        return cls(checkpoint, model, Encoder(model, _hf.AutoTokenizer.from_pretrained(checkpoint)))

    def encode(self, algorithm: str, row: Row) -> Example:
        return find_algorithm(algorithm).encode(row, self.encoder)

    def logps(self, prompt: str, answer: str) -> tuple[float, int]:
        """The sum of an answer's log-probabilities, and its tokens with the end token, by a plain forward pass."""
        start, (completion,) = self.encoder.exchange(prompt, (answer,))
        ids = torch.tensor([[*start, *completion]])
        with torch.no_grad():
            each = torch.log_softmax(self.model(input_ids=ids).logits[0, :-1], dim=-1)
        learnt = each[len(start) - 1 :].gather(1, ids[0, len(start) :, None])
        return float(learnt.sum()), len(completion)

    def loss(self, algorithm: str, scored: Scored, **options: Any) -> LossOutput:
        entry = find_algorithm(algorithm)
        return entry.loss(scored, entry.options.model_validate(options))


def scores(examples: Sequence[Example], values: Tensor, **more: Any) -> Scored:
    """One score, or one row of outputs, for each completion (or mark) of the examples."""
    counts = [
        len(example.marks[index]) if example.marks else 1
        for example in examples
        for index in range(len(example.completions))
    ]
    return Scored(tuple(examples), values, torch.tensor(counts), **more)


def run(
    folder: Path, checkpoint: Path, algorithm: str, rows: Sequence[Row], **changes: Any
) -> tuple[TrainResult, list[StepReport]]:
    """Trains on the rows, in fp32; the result, and the report of each step."""
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / "rows.jsonl"
    data.write_text("\n".join(row.model_dump_json(exclude_none=True) for row in rows), encoding="utf-8")
    settings: dict[str, Any] = {
        "epochs": 8,
        "precision": "float32",
        "batch": BatchConfig(rows=4),
        "optimizer": OptimizerConfig(learning_rate=3e-3),
        **changes,
    }
    config = TrainConfig(algorithm=algorithm, model=str(checkpoint), data=(data,), output=folder / "out", **settings)
    reports: list[StepReport] = []
    return train(config, reports.append), reports


def last_scores(model: Path, pairs: Sequence[tuple[str, str]]) -> list[float]:
    """A saved reward model's score at the end of each answer, by a plain forward pass in fp32."""
    scorer = _hf.AutoModelForSequenceClassification.from_pretrained(model).eval()
    encoder = Encoder(scorer, _hf.AutoTokenizer.from_pretrained(model))
    found = []
    for prompt, answer in pairs:
        start, (completion,) = encoder.exchange(prompt, (answer,))
        with torch.no_grad():
            hidden = scorer.model(input_ids=torch.tensor([[*start, *completion]])).last_hidden_state[0, -1]
            found.append(float(scorer.score(hidden)))
    return found


def architecture(model: Path) -> str:
    """What the folder's configuration says that it holds."""
    names = json.loads((model / "config.json").read_text(encoding="utf-8"))["architectures"]
    return str(names[0])
