"""Commits writes: one transaction each, the same write twice changes nothing, and none is lost to a locked database."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Insert, Table

from reflexa.errors import StoreError
from reflexa.memory.database import Database
from reflexa.memory.episodes.encoding import Row, Write
from reflexa.memory.episodes.outbox import Outbox
from reflexa.memory.episodes.schema import bodies, episodes
from reflexa.memory.failures import DatabaseUnavailableError, busy
from reflexa.memory.schema import metadata

KNOWN_BODIES = 4096
"""How many digests to remember as stored already; 32 characters each."""
Check = Callable[[Connection], None]
_BEGINNING = ("run_id", "task_id", "task_digest", "begun")
_OUTCOME = [column.name for column in episodes.c if column.name not in _BEGINNING]


class Recorder:
    """The one way into the database. Used by any number of threads."""

    def __init__(self, database: Database, outbox: Outbox | None) -> None:
        self._database = database
        self._outbox = outbox
        self._delivering = threading.Lock()
        self._known: dict[str, None] = {}
        self._inserts = {table.name: self._insert(table) for table in metadata.sorted_tables}
        self._replacement = self._replace_episode()

    def commit(self, write: Write, check: Check | None = None) -> None:
        """Returns when the write is on the disk. Raises ``StoreError`` that says whether the result is kept.

        ``check`` belongs to the same transaction: what it raises keeps the write out.
        """
        try:
            self.deliver()
            self._apply(write, check)
        except DatabaseUnavailableError as error:
            raise DatabaseUnavailableError(f"{error}; {self._keep(write)}") from error

    def deliver(self) -> None:
        """Commits what earlier had to be kept beside the database."""
        if self._outbox is None or not self._outbox.waiting():
            return
        if not self._delivering.acquire(timeout=self._database.lock_timeout):
            raise busy(self._database.shown, self._database.lock_timeout)
        try:
            self._outbox.deliver(self._apply)
        except OSError as error:
            raise StoreError(
                f"the results kept in {self._outbox.path} cannot be read ({error.strerror}): "
                "give permission, or remove it"
            ) from error
        finally:
            self._delivering.release()

    def _keep(self, write: Write) -> str:
        if self._outbox is None:
            return "the last result was not recorded: resuming the run repeats it"
        try:
            self._outbox.keep(write)
        except OSError as error:
            return f"the last result could not be kept ({error.strerror}): resuming the run repeats it"
        return f"the last result is kept in {self._outbox.path.name} and enters the database as soon as it can"

    def _apply(self, write: Write, check: Check | None = None) -> None:
        new = {name: write.bodies[name] for name in sorted(write.bodies) if name not in self._known}

        def execute(connection: Connection) -> None:
            if check is not None:
                check(connection)
            self._execute(connection, write, new)

        self._database.write(execute)
        if len(self._known) + len(new) > KNOWN_BODIES:
            self._known = {}
        self._known.update(dict.fromkeys(new))

    def _execute(self, connection: Connection, write: Write, new: dict[str, str]) -> None:
        if new:
            connection.execute(self._inserts[bodies.name], [{"digest": n, "body": body} for n, body in new.items()])
        for table, rows in write.rows:
            statement = self._replacement if table in write.replaces else self._inserts[table]
            connection.execute(statement, _parameters(rows))

    def _insert(self, table: Table) -> Insert:
        insert = self._database.insert(table).inline()
        if table is not episodes:
            return insert.on_conflict_do_nothing()
        cleared = dict.fromkeys(_OUTCOME)
        return insert.on_conflict_do_update(
            index_elements=list(episodes.primary_key), set_=cleared, where=episodes.c.error.is_not(None)
        )

    def _replace_episode(self) -> Insert:
        insert = self._database.insert(episodes).inline()
        outcome = {name: insert.excluded[name] for name in _OUTCOME}
        return insert.on_conflict_do_update(index_elements=list(episodes.primary_key), set_=outcome)


def _parameters(rows: tuple[Row, ...]) -> Any:
    """One row goes to the driver as it is: the way of many rows costs more."""
    return rows[0] if len(rows) == 1 else list(rows)
