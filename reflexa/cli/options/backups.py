"""What ``reflexa memory backup`` and ``restore`` take."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from reflexa.cli.options.shared import DatabaseOption, JsonOption


@dataclass(frozen=True)
class BackupOptions:
    """Where the copy goes."""

    file: Annotated[Path, typer.Argument(metavar="FILE", help="The copy: one SQLite file.")]
    replace: Annotated[bool, typer.Option("--replace", help="Write over a file that exists.")] = False
    json: JsonOption = False
    database: DatabaseOption = None


@dataclass(frozen=True)
class RestoreOptions:
    """Where the rows come from."""

    file: Annotated[Path, typer.Argument(metavar="FILE", help="A copy that `memory backup` made.")]
    replace: Annotated[
        bool, typer.Option("--replace", help="Delete all that the database holds, and put the copy in its place.")
    ] = False
    json: JsonOption = False
    database: DatabaseOption = None
