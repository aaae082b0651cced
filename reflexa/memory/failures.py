"""The databases' failures in words: what happened, and what to do about it."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from reflexa.errors import StoreError

_SQLITE_ADVICE = {
    sqlite3.SQLITE_FULL: "its disk is full: free some space",
    sqlite3.SQLITE_READONLY: "it is read-only: give write permission on the file and its folder, or name another file",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened: check that its folder exists and can be written to",
    sqlite3.SQLITE_NOTADB: "it is not a SQLite database: name another file",
    sqlite3.SQLITE_CORRUPT: "it is damaged: restore it from a backup, or name another file",
    sqlite3.SQLITE_IOERR: "its disk is full or fails: check its space and its health",
}
_POSTGRES_ADVICE = {
    "28": "the server refused the user: check name and password",
    "3D": "the server has no such database: create it, or name another",
    "42501": "the user may not do that: grant it rights on the database",
    "25006": "it is read-only: connect to the primary server",
    "53": "the server has run out of something: free disk space, memory or connections",
}
_POSTGRES_LOCKED = "55P03"
_POSTGRES_PASSING = ("08", "40", "57P")
"""Lost connections, deadlocks, and a server that stops or starts."""


class DatabaseUnavailableError(StoreError):
    """The database is locked, full or out of reach: the same write may succeed later."""


def is_passing(error: Exception) -> bool:
    """Whether to try again at once: a lost connection, a deadlock, a lock held by another."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    state = _sqlstate(error)
    if state is not None:
        return state.startswith(_POSTGRES_PASSING)
    code = _sqlite_code(error)
    return code == sqlite3.SQLITE_BUSY if code is not None else isinstance(error, OperationalError)


def explain(error: Exception, shown: str, waited: float) -> StoreError:
    """The error of a database in one line. ``waited`` is how long a lock was waited for, in seconds."""
    code, state = _sqlite_code(error), _sqlstate(error)
    if code == sqlite3.SQLITE_BUSY or state == _POSTGRES_LOCKED:
        return busy(shown, waited)
    if code in _SQLITE_ADVICE:
        kind = DatabaseUnavailableError if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR) else StoreError
        return kind(f"the database {shown} cannot be used: {_SQLITE_ADVICE[code]}")
    for prefix, advice in _POSTGRES_ADVICE.items():
        if state is not None and state.startswith(prefix):
            return DatabaseUnavailableError(f"the database {shown} cannot be used: {advice}")
    if isinstance(error, IntegrityError):
        return StoreError(
            f"the database {shown} refused a row ({_first_line(error)}): "
            "record the run, the episode and the attempt before what belongs to them"
        )
    if isinstance(error, PoolTimeoutError) or is_passing(error):
        return DatabaseUnavailableError(
            f"the database {shown} cannot be reached ({_first_line(error)}): check the URL, and that its server runs"
        )
    return StoreError(f"the database {shown} refused: {_first_line(error)}")


def busy(shown: str, waited: float) -> DatabaseUnavailableError:
    """The error of a lock that was waited for in vain."""
    return DatabaseUnavailableError(
        f"the database {shown} was locked by another process for more than {waited:g} s: "
        "let that process finish, or end it"
    )


def _original(error: Exception) -> BaseException | None:
    return error.orig if isinstance(error, DBAPIError) else error


def _sqlite_code(error: Exception) -> int | None:
    """SQLite's primary result code."""
    code = getattr(_original(error), "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _sqlstate(error: Exception) -> str | None:
    state = getattr(_original(error), "sqlstate", None)
    return state if isinstance(state, str) else None


def _first_line(error: Exception) -> str:
    lines = str(_original(error)).strip().splitlines()
    return lines[0] if lines else type(error).__name__
