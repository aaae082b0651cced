"""What ``reflexa why`` takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from reflexa.cli.options.shared import DatabaseOption, JsonOption


@dataclass(frozen=True)
class WhyOptions:
    """Of what, and how much."""

    id: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="A checkpoint's folder, a training, data set, improvement, run, lesson, reflection; RUN/TASK/NUMBER; "
            "DATASET/NUMBER for a row.",
        ),
    ]
    depth: Annotated[int, typer.Option("--depth", min=0, metavar="N", help="Generations that are told (8).")] = 8
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="Origins of one kind at each (3).")] = 3
    json: JsonOption = False
    database: DatabaseOption = None
