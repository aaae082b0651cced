"""What training leaves behind: a run of all weights, and one of adapters, on a tiny model."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from reflexa.training.api import train
from reflexa.training.config import BatchConfig, LoraConfig, OptimizerConfig, TrainConfig
from tests.support.tiny_models import make_checkpoint


@dataclass(frozen=True)
class Trained:
    """The outputs of two training runs, and their last checkpoints."""

    base: Path
    whole: Path
    adapted: Path

    def last(self, output: Path) -> Path:
        return sorted((output / "checkpoints").glob("step-*"))[-1]


def train_both(folder: Path) -> Trained:
    base = make_checkpoint(folder / "base")
    rows = folder / "rows.jsonl"
    row = {"prompt": [{"role": "user", "content": "q"}], "completion": [{"role": "assistant", "content": "th"}]}
    rows.write_text((json.dumps(row) + "\n") * 2)
    for name, lora in (("whole", None), ("adapted", LoraConfig(rank=2, alpha=4))):
        train(
            TrainConfig(
                algorithm="sft",
                model=str(base),
                data=(rows,),
                output=folder / name,
                lora=lora,
                steps=2,
                epochs=2,
                batch=BatchConfig(rows=2),
                optimizer=OptimizerConfig(learning_rate=0.05),
            )
        )
    return Trained(base, folder / "whole", folder / "adapted")
