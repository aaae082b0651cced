"""``reflexa memory backup`` and ``restore``: copies of the whole database."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from reflexa.cli.commands import add_verb
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


def backup(options: BackupOptions) -> int:
    """Copy the whole database to one file, while others may write."""
    from reflexa.cli.copying import carry_out_backup

    return carry_out_backup(options)


def restore(options: RestoreOptions) -> int:
    """Fill an empty database, of either kind, with a copy's rows."""
    from reflexa.cli.copying import carry_out_restore

    return carry_out_restore(options)


def add_backups(app: typer.Typer) -> None:
    """Adds both verbs to ``reflexa memory``."""
    add_verb(app, "backup", BackupOptions, backup)
    add_verb(app, "restore", RestoreOptions, restore)
