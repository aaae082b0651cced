"""Carries out ``reflexa memory backup`` and ``restore``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reflexa.cli.failures import DONE
from reflexa.cli.output import emit, emit_json
from reflexa.cli.session import Session
from reflexa.cli.text import plural

if TYPE_CHECKING:
    from reflexa.cli.options.backups import BackupOptions, RestoreOptions
    from reflexa.memory.backups import Copied

_NAMED = {"runs": "run", "attempts": "attempt", "lessons": "lesson", "trainings": "training"}
"""The tables that are counted aloud, and what one of their rows is."""


def carry_out_backup(options: BackupOptions) -> int:
    """Copies the database, and says what was copied."""
    from reflexa.memory.backups import backup

    session = Session.here({"database_url": options.database})
    return _say("copied", backup(session.database, options.file, replace=options.replace), options.json)


def carry_out_restore(options: RestoreOptions) -> int:
    """Fills the database, and says with what."""
    from reflexa.memory.backups import restore

    session = Session.here({"database_url": options.database})
    return _say("restored", restore(options.file, session.database, replace=options.replace), options.json)


def _say(verb: str, copied: Copied, json: bool) -> int:
    if json:
        emit_json({"file": str(copied.file), "bytes": copied.size, "rows": dict(copied.rows)})
    else:
        counts = ", ".join(plural(copied.rows[table], noun) for table, noun in _NAMED.items())
        way = "to" if verb == "copied" else "from"
        emit(f"{verb} {counts} {way} {copied.file} ({copied.size / 1e6:.1f} MB)")
    return DONE
