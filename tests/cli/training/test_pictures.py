"""Pictures are PNG files of the size that was asked for."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from reflexa.cli.training.pictures import draw_checkpoints, picture
from reflexa.errors import UsageError
from reflexa.evaluation.checkpoints import study_checkpoints
from reflexa.rows import CheckpointPoint


def size(path: Path) -> tuple[int, int]:
    """Width and height in pixels, as the file's header says."""
    head = path.read_bytes()[:24]
    assert head.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", head[16:24])
    return width, height


def test_more_columns_make_a_wider_picture(tmp_path: Path) -> None:
    for columns in (1, 2):
        with picture(tmp_path / f"{columns}.png", columns) as axes:
            assert len(axes) == columns
            axes[0].plot([0, 1], [0, 1])
    assert size(tmp_path / "2.png")[0] > size(tmp_path / "1.png")[0]


def test_checkpoints_without_a_curve_or_a_choice_are_drawn_too(tmp_path: Path) -> None:
    for true in (None, 0.5):
        points = [CheckpointPoint(step=step, path="a", kl=float(step), proxy=1.0, true=true, n=4) for step in range(2)]
        draw_checkpoints(study_checkpoints(points), "tiny", tmp_path / "a.png")
        assert size(tmp_path / "a.png")[0] > 0


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written"), picture(tmp_path):
        pass
