"""Commits writes: one transaction each, the same write twice changes nothing, and none is lost to a locked database."""

from __future__ import annotations

import threading
from typing import Any, Protocol

from sqlalchemy import Connection, Insert, Table

from reflexa.errors import StoreError
from reflexa.memory.database import Database
from reflexa.memory.episodes.encoding import Write
from reflexa.memory.episodes.outbox import Outbox
from reflexa.memory.episodes.schema import bodies, episodes
from reflexa.memory.episodes.statements import Group, Statements
from reflexa.memory.failures import DatabaseUnavailableError, busy
from reflexa.memory.schema import metadata

KNOWN_BODIES = 4096
"""How many digests to remember as stored already; 32 characters each."""
_BEGINNING = ("run_id", "task_id", "task_digest", "begun")
_OUTCOME = [column.name for column in episodes.c if column.name not in _BEGINNING]


class Guard(Protocol):
    """What must hold when something is recorded: the claim on its run."""

    @property
    def needed(self) -> str | None:
        """The token of the claim that must stand; None where none need stand any more."""
        ...

    def check(self, connection: Connection) -> None:
        """Holds the claim to the end of the transaction. Raises ``StoreError`` where it is gone."""
        ...


class Recorder:
    """The one way into the database. Used by any number of threads."""

    def __init__(self, database: Database, outbox: Outbox | None) -> None:
        self._database = database
        self._outbox = outbox
        self._delivering = threading.Lock()
        self._known: dict[str, None] = {}
        self._inserts = {table.name: self._insert(table) for table in metadata.sorted_tables}
        self._replacement = self._replace_episode()
        self._statements = Statements(database) if database.is_server else None

    def commit(self, write: Write, guard: Guard | None = None) -> None:
        """Returns when the write is on the disk. Raises ``StoreError`` that says whether the result is kept.

        The check of ``guard`` belongs to the same transaction: what it raises keeps the write out.
        """
        try:
            self.deliver()
            self._apply(write, guard)
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

    def _apply(self, write: Write, guard: Guard | None = None) -> None:
        new = {name: write.bodies[name] for name in sorted(write.bodies) if name not in self._known}
        groups = self._groups(write, new)
        if not self._applied_at_once(groups, guard):
            self._database.write(lambda connection: _execute(connection, groups, guard))
        if len(self._known) + len(new) > KNOWN_BODIES:
            self._known = {}
        self._known.update(dict.fromkeys(new))

    def _groups(self, write: Write, new: dict[str, str]) -> list[Group]:
        """The rows by table, in the order that foreign keys ask for."""
        groups = [
            Group(table, self._replacement if table in write.replaces else self._inserts[table], rows)
            for table, rows in write.rows
        ]
        texts = [{"digest": name, "body": body} for name, body in new.items()]
        return [Group(bodies.name, self._inserts[bodies.name], texts), *groups] if texts else groups

    def _applied_at_once(self, groups: list[Group], guard: Guard | None) -> bool:
        return self._statements is not None and self._statements.commit(groups, None if guard is None else guard.needed)

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


def _execute(connection: Connection, groups: list[Group], guard: Guard | None) -> None:
    """One row goes to the driver as it is: the way of many rows costs more."""
    if guard is not None:
        guard.check(connection)
    for group in groups:
        rows: Any = group.rows[0] if len(group.rows) == 1 else group.rows
        connection.execute(group.insert, rows)
