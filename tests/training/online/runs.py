"""Online runs that take a moment: a tiny random model, and a reward for saying a letter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reflexa.training.config import CheckpointConfig, OptimizerConfig
from reflexa.training.online.config import OnlineConfig, PointConfig
from reflexa.training.online.rollouts import Answer, OnlinePrompt
from tests.support.tiny_models import make_checkpoint


def make_prompts(count: int = 8) -> list[OnlinePrompt]:
    return [OnlinePrompt(id=f"p{index}", prompt=f"say {index}: ") for index in range(count)]


def says_a(answer: Answer) -> float:
    """The share of an answer's characters that are the letter."""
    return answer.text.count("a") / max(1, len(answer.text))


def make_online(folder: Path, **changes: Any) -> OnlineConfig:
    """4 prompts a step of 4 samples of at most 4 tokens; the model is made in ``folder``."""
    base = folder / "base"
    if not base.exists():
        make_checkpoint(base)
    settings: dict[str, Any] = {
        "algorithm": "grpo",
        "model": str(base),
        "output": folder / "out",
        "steps": 6,
        "prompts": 4,
        "samples": 4,
        "max_new_tokens": 4,
        "optimizer": OptimizerConfig(learning_rate=1e-2, schedule="constant"),
        "checkpoints": CheckpointConfig(every=2),
        "points": PointConfig(prompts=4),
    }
    return OnlineConfig(**{**settings, **changes})
