"""What a training run is asked to do: frozen data, the same from a recipe, a command line or Python."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, JsonValue

from reflexa.types import Frozen

Precision = Literal["auto", "bfloat16", "float32"]
Overlong = Literal["drop", "keep_start", "keep_end", "refuse"]
"""What happens to rows longer than ``max_length`` tokens: left out; the completions' ends cut; the prompt's start
cut; or the run refuses to begin."""
Distribution = Literal["replicated", "sharded"]
"""Over several processes: every one holds all weights (data parallel), or a share of them (FSDP2)."""
Schedule = Literal["constant", "linear", "cosine"]


class BatchConfig(Frozen):
    """``rows`` make one optimiser step. ``tokens`` bounds what is computed at once: less takes less memory and more
    time.
    """

    rows: int = Field(default=8, gt=0)
    tokens: int = Field(default=2048, gt=0)


class OptimizerConfig(Frozen):
    """AdamW. ``learning_rate`` is reached after ``warmup`` (a share of all steps) and then follows ``schedule`` down
    to 0.

    ``weight_decay`` holds for matrices alone. Gradients are scaled down to the norm ``clip``; a norm above
    ``stop_norm``, or one that is no number, ends the run.
    """

    learning_rate: float = Field(default=1e-5, gt=0)
    schedule: Schedule = "cosine"
    warmup: float = Field(default=0.03, ge=0, lt=1)
    weight_decay: float = Field(default=0.0, ge=0)
    beta1: float = Field(default=0.9, ge=0, lt=1)
    beta2: float = Field(default=0.999, ge=0, lt=1)
    epsilon: float = Field(default=1e-8, gt=0)
    clip: float = Field(default=1.0, gt=0)
    stop_norm: float = Field(default=1e4, gt=0)


class LoraConfig(Frozen):
    """Low-rank adapters (Hu et al. 2021) on every linear layer, or on ``targets`` alone."""

    rank: int = Field(default=16, gt=0)
    alpha: int = Field(default=32, gt=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    targets: tuple[str, ...] = ()


class CheckpointConfig(Frozen):
    """A checkpoint every ``every`` steps (None: only at the end); the last ``keep`` stay, and the best one always
    does.
    """

    every: int | None = Field(default=None, gt=0)
    keep: int = Field(default=2, gt=0)


class SamplingConfig(Frozen):
    """How a policy is sampled: ``samples`` completions of a prompt, at most ``max_new_tokens`` long, judged on
    ``workers`` threads while sampling goes on.

    Tokens that hold a text of ``stop`` end a completion as an end token does. ``slots`` bounds what is computed at
    once; ``seed`` seeds the draws.
    """

    seed: int = Field(default=0, ge=0, lt=2**32)
    samples: int = Field(default=8, gt=0)
    max_new_tokens: int = Field(default=256, gt=0)
    temperature: float = Field(default=1.0, gt=0)
    top_p: float = Field(default=1.0, gt=0, le=1)
    stop: tuple[str, ...] = ()
    slots: int = Field(default=64, gt=0)
    workers: int = Field(default=8, gt=0)


class SurveyConfig(SamplingConfig):
    """How the checkpoints of a run on rows are measured, where something is held out: by ``samples`` of each of at most
    ``prompts`` held-out prompts (0: checkpoints are not measured).
    """

    prompts: int = Field(default=32, ge=0)
    samples: int = Field(default=1, gt=0)


class CommonConfig(Frozen):
    """What every training run has, whatever it learns from.

    ``model`` is a checkpoint folder or a repository of the hub; ``options`` are the algorithm's own. ``output``
    receives ``model/`` (a transformers folder), ``checkpoints/`` and ``metrics.jsonl``.
    """

    algorithm: str
    model: str
    output: Path
    options: dict[str, JsonValue] = Field(default_factory=dict)
    seed: int = Field(default=0, ge=0, lt=2**32)
    precision: Precision = "auto"
    optimizer: OptimizerConfig = OptimizerConfig()
    checkpoints: CheckpointConfig = CheckpointConfig()
    lora: LoraConfig | None = None
    resume: bool = False


class TrainConfig(CommonConfig):
    """One training run on rows.

    ``data`` are JSONL or parquet files of the algorithm's row type. ``steps`` ends the run before its epochs do.
    ``held_out`` rows are scored at each checkpoint, and the best checkpoint is the one with the lowest loss on them
    (without them: the lowest training loss since the one before). ``points`` says how their prompts, or held-out tasks,
    are sampled there.
    """

    data: tuple[Path, ...] = Field(min_length=1)
    held_out: tuple[Path, ...] = ()
    epochs: int = Field(default=1, gt=0)
    steps: int | None = Field(default=None, gt=0)
    max_length: int | None = Field(default=None, gt=1)
    overlong: Overlong = "drop"
    distribution: Distribution = "replicated"
    batch: BatchConfig = BatchConfig()
    points: SurveyConfig = SurveyConfig()
    reference_cache: Path | None = None
