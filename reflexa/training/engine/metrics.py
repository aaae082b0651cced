"""What each step reports, and the JSONL file that keeps it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from reflexa.reading.jsonl import read_rows
from reflexa.rows import CheckpointPoint
from reflexa.types import Frozen

POINTS = "points.jsonl"
"""The file of a run that keeps what its checkpoints are worth."""


class StepReport(Frozen):
    """One finished step, counted from 1. ``loss`` and ``metrics`` are means over its rows; ``norm`` is the gradients'
    before clipping. ``alarms`` say which rules fired, where a run has any.
    """

    step: int
    steps: int
    epoch: float
    loss: float
    metrics: dict[str, float]
    norm: float
    learning_rate: float
    tokens: int
    tokens_per_second: float
    seconds_left: float
    held_out_loss: float | None = None
    alarms: tuple[str, ...] | None = None


Progress = Callable[[StepReport], None]


class MetricsFile:
    """One JSON object a step, or of some steps. Those after ``resumed_at`` are forgotten: they will come again."""

    def __init__(self, path: Path, resumed_at: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = [line for line in _lines(path) if _step(line) <= resumed_at]
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        aside.write_text("".join(kept), encoding="utf-8")
        aside.replace(path)
        self._file = path.open("a", encoding="utf-8")

    def write(self, report: StepReport | CheckpointPoint) -> None:
        self._file.write(report.model_dump_json(exclude_none=True) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def read_points(output: Path) -> tuple[CheckpointPoint, ...]:
    """What the checkpoints of a run are worth, by step; none where none was measured. ``output`` is its folder.

    Raises ``UsageError`` that names the line which cannot be read.
    """
    path = output / POINTS
    found = {point.step: point for _, point in read_rows(path, CheckpointPoint)} if path.exists() else {}
    return tuple(found[step] for step in sorted(found))


def tokens_of(output: Path) -> int:
    """The tokens of all steps of a run, also of those before it was killed; ``output`` is its folder."""
    return sum(int(json.loads(line)["tokens"]) for line in _lines(output / "metrics.jsonl"))


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []


def _step(line: str) -> float:
    """The step of a line; of a half-written one, later than any."""
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")
