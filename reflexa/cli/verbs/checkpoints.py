"""``reflexa checkpoints``: which checkpoint of a training to keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from reflexa.cli.commands import add_verb, verbs
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


def checkpoints(options: CheckpointsOptions) -> int:
    """Show how far each checkpoint went and what that was worth; say which to keep.

    Chosen by held-out true reward and its error, never by the reward that was optimised. Where there are enough
    checkpoints a curve is fitted, and its peak says where over-optimisation begins.
    """
    from reflexa.cli.checkpoints import show

    return show(options)


app = verbs("Say which checkpoint of a training to keep, and where over-optimisation begins.")
add_verb(app, "checkpoints", CheckpointsOptions, checkpoints)
