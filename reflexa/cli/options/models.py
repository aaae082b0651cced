"""What ``reflexa models`` takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from reflexa.cli.options.shared import DatabaseOption, JsonOption


@dataclass(frozen=True)
class ListOptions:
    """How to print."""

    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="The newest N of those trained here.")] = 20
    json: JsonOption = False
    database: DatabaseOption = None


@dataclass(frozen=True)
class ExportOptions:
    """What to write, and where."""

    checkpoint: Annotated[
        str,
        typer.Argument(
            metavar="CHECKPOINT", help="A training's or improvement's id, a training's folder, or a step's."
        ),
    ]
    out: Annotated[str, typer.Option("-o", "--out", metavar="FOLDER", help="The folder to make.")]
    keep_adapter: Annotated[
        bool, typer.Option("--keep-adapter", help="Low-rank adapters as they are, in place of the merged model.")
    ] = False
    json: JsonOption = False
    database: DatabaseOption = None


@dataclass(frozen=True)
class PullOptions:
    """What to fetch."""

    name: Annotated[str, typer.Argument(metavar="NAME", help="embedded: SmolLM2-135M-Instruct, 98 MB.")]
    json: JsonOption = False
