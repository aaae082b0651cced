"""``reflexa memory backup`` and ``restore``: copies of the whole database."""

from __future__ import annotations

import typer

from reflexa.cli.commands import add_verb
from reflexa.cli.options.backups import BackupOptions, RestoreOptions


def backup(options: BackupOptions) -> int:
    """Copy the whole database to one file, while others may write."""
    from reflexa.cli.memory.copying import carry_out_backup

    return carry_out_backup(options)


def restore(options: RestoreOptions) -> int:
    """Fill an empty database, of either kind, with a copy's rows."""
    from reflexa.cli.memory.copying import carry_out_restore

    return carry_out_restore(options)


def add_backups(app: typer.Typer) -> None:
    """Adds both verbs to ``reflexa memory``."""
    add_verb(app, "backup", BackupOptions, backup)
    add_verb(app, "restore", RestoreOptions, restore)
