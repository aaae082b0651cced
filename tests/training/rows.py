"""Files of training rows, and configurations that train on them in a moment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from reflexa.training.config import CheckpointConfig, OptimizerConfig, TrainConfig
from tests.support.tiny_models import make_checkpoint


def chat(role: str, content: str) -> list[dict[str, str]]:
    return [{"role": role, "content": content}]


def sft_row(index: int) -> dict[str, Any]:
    return {"prompt": chat("user", f"Is {index} big?"), "completion": chat("assistant", "yes " * (index % 4 + 1))}


def pair_row(index: int) -> dict[str, Any]:
    chosen, rejected = chat("assistant", "yes " * (index % 4 + 1)), chat("assistant", "no " * (index % 3 + 1))
    return {"prompt": chat("user", f"Is {index} big?"), "chosen": chosen, "rejected": rejected}


def unpaired_row(index: int) -> dict[str, Any]:
    return {**sft_row(index), "label": index % 2 == 0}


def write_rows(path: Path, algorithm: str, count: int = 20) -> Path:
    make = {"sft": sft_row, "kto": unpaired_row}.get(algorithm, pair_row)
    path.write_text("".join(json.dumps(make(index)) + "\n" for index in range(count)), encoding="utf-8")
    return path


def make_config(folder: Path, algorithm: str = "sft", **changes: Any) -> TrainConfig:
    """20 rows in 3 steps an epoch, a checkpoint every 2 steps; model and rows are made in ``folder``."""
    base = folder / "base"
    if not base.exists():
        make_checkpoint(base)
    settings: dict[str, Any] = {
        "algorithm": algorithm,
        "model": str(base),
        "data": (write_rows(folder / f"{algorithm}.jsonl", algorithm),),
        "output": folder / "out",
        "epochs": 2,
        "optimizer": OptimizerConfig(learning_rate=1e-2),
        "checkpoints": CheckpointConfig(every=2),
    }
    return TrainConfig(**{**settings, **changes})
