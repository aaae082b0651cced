"""Brings a database to the newest schema, in one transaction: a process killed in the midst leaves the old one.

Two processes that open the same new database meet at the transaction's lock; the second finds the work done.
alembic costs a CPU-second to import, so a database that is up to date never loads it.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from reflexa.errors import StoreError
from reflexa.memory.schema import HEAD

if TYPE_CHECKING:
    from alembic.config import Config

    from reflexa.memory.database import Database

_ADVISORY_LOCK = 0x7265666C657861
_alembic = threading.Lock()
"""alembic keeps its context in a module: one thread at a time."""


def migrate(database: Database) -> None:
    """Upgrades to the newest schema. Raises ``StoreError`` where the database's is newer than this program's."""
    if database.read(_revision) != HEAD:
        with _alembic:
            database.write(lambda connection: _upgrade(connection, database.shown))


def _revision(connection: Connection) -> str | None:
    """The database's revision; None where it has no tables yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(connection: Connection, shown: str) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    revision = _revision(connection)
    if revision == HEAD:
        return
    from alembic import command
    from alembic.script import ScriptDirectory

    config = _config(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if revision is not None and revision not in known:
        raise StoreError(
            f"{shown} was written by a newer version of Reflexa (schema {revision}, this one knows up to {HEAD}): "
            "upgrade Reflexa, or name another database"
        )
    command.upgrade(config, "head")


def _config(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    folder = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
