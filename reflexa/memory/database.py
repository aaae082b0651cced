"""Connections to one database, short transactions on them, and its errors in words.

SQLite runs in WAL mode at ``synchronous=FULL``: a commit survives the loss of power. Writers begin with ``BEGIN
IMMEDIATE``, so they wait for each other at the start instead of failing at the end.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection, Dialect, Engine, Table, create_engine, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from reflexa.memory.failures import busy, explain, is_passing
from reflexa.memory.location import Location

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

Result = TypeVar("Result")

SQLITE_CONNECTIONS = 4
"""At most: reads are short, so 64 threads share them. Each has three file descriptors and up to 2 MB of cache."""
POSTGRES_CONNECTIONS = 8
RECONNECT_SECONDS = 0.25
CONNECT_SECONDS = 10
SNAPSHOT = "REPEATABLE READ"
"""What SQLite's readers have anyway."""


class Database:
    """One database, used by any number of threads."""

    def __init__(self, location: Location, lock_timeout: float) -> None:
        self.shown = location.shown
        self.lock_timeout = lock_timeout
        self._is_sqlite = location.path is not None
        self._engine = _engine(location.url, lock_timeout)
        self._reading = self._engine if self._is_sqlite else self._engine.execution_options(isolation_level=SNAPSHOT)
        self._writing = self._engine.execution_options(writing=True)
        self._at_once = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._turn = threading.Lock()
        self._reached = self._is_sqlite
        """Whether to wait for the database to come back: one that was never reached is more likely a wrong URL."""

    @property
    def dialect(self) -> Dialect:
        return self._engine.dialect

    @property
    def is_server(self) -> bool:
        """Whether each statement is an exchange with another process."""
        return not self._is_sqlite

    def close(self) -> None:
        self._engine.dispose()

    def read(self, work: Callable[[Connection], Result]) -> Result:
        """Runs ``work`` on one snapshot of the database. It may run again after a lost connection."""
        return self._patiently(self._reading, work)

    def write(self, work: Callable[[Connection], Result]) -> Result:
        """Runs ``work`` in one transaction and commits it.

        It may run again after a lost connection, even where the lost commit had succeeded: it must be idempotent.
        Raises ``DatabaseUnavailableError`` where the database stays locked, full or out of reach.
        """
        with self._our_turn():
            return self._patiently(self._writing, work)

    def write_at_once(self, work: Callable[[Connection], Result]) -> Result:
        """As ``write``, for ``work`` that is one statement on a server: the statement is the whole transaction."""
        return self._patiently(self._at_once, work)

    def insert(self, table: Table) -> sqlite.Insert | postgresql.Insert:
        """An insert in the database's own dialect, which knows ``ON CONFLICT``."""
        if self._is_sqlite:
            return sqlite.insert(table)
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)

    @contextmanager
    def _our_turn(self) -> Iterator[None]:
        """SQLite has one writer: our own threads wait here, in turn, instead of polling its lock."""
        if not self._is_sqlite:
            yield
            return
        if not self._turn.acquire(timeout=self.lock_timeout):
            raise busy(self.shown, self.lock_timeout)
        try:
            yield
        finally:
            self._turn.release()

    def _patiently(self, engine: Engine, work: Callable[[Connection], Result]) -> Result:
        deadline = time.monotonic() + self.lock_timeout
        while True:
            try:
                with engine.begin() as connection:
                    result = work(connection)
                self._reached = True
                return result
            except (SQLAlchemyError, sqlite3.Error) as error:
                if not is_passing(error) or not self._reached or time.monotonic() >= deadline:
                    raise explain(error, self.shown, self.lock_timeout) from error
                time.sleep(RECONNECT_SECONDS)


def _engine(url: URL, lock_timeout: float) -> Engine:
    if url.drivername != "sqlite":
        return _postgres_engine(url, lock_timeout)
    engine = create_engine(
        url,
        connect_args={"timeout": lock_timeout},
        pool_size=SQLITE_CONNECTIONS,
        pool_use_lifo=True,
        max_overflow=0,
        pool_timeout=lock_timeout,
        hide_parameters=True,
    )
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _postgres_engine(url: URL, lock_timeout: float) -> Engine:
    given = url.query.get("options", "")
    options = f"{given if isinstance(given, str) else ' '.join(given)} -c lock_timeout={round(lock_timeout * 1000)}"
    arguments = {"connect_timeout": CONNECT_SECONDS, "options": options.strip()}
    return create_engine(
        url,
        connect_args=arguments,
        pool_size=POSTGRES_CONNECTIONS,
        pool_use_lifo=True,
        max_overflow=0,
        pool_timeout=lock_timeout,
        hide_parameters=True,
    )


def _configure_sqlite(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # transactions are begun by us, below
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "fullfsync=ON", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
