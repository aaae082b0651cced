"""What ``reflexa checkpoints`` takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from reflexa.cli.options.shared import DatabaseOption, JsonOption


@dataclass(frozen=True)
class CheckpointsOptions:
    """Which training, and how to show it."""

    training: Annotated[
        str, typer.Argument(metavar="TRAINING|FOLDER", help="A training's id, or its folder with points.jsonl.")
    ]
    plot: Annotated[
        str | None, typer.Option("--plot", metavar="FILE", help="Also draw the picture as a PNG file (matplotlib).")
    ] = None
    json: JsonOption = False
    database: DatabaseOption = None
