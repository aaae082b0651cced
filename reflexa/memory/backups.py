"""Copies of a whole database: taken while others write, put back into an empty one, or into the other kind.

A backup is one SQLite file, whichever kind of database it is of. Who works on a run is not part of it.
"""

from __future__ import annotations

import dataclasses
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, Table, exists, func, select, text

from reflexa.errors import StoreError, UsageError
from reflexa.memory.database import Database
from reflexa.memory.episodes.schema import runs
from reflexa.memory.failures import explain
from reflexa.memory.location import Location, locate, prepare
from reflexa.memory.migrate import migrate
from reflexa.memory.schema import metadata
from reflexa.memory.sharing.claims import require_unused
from reflexa.memory.sharing.schema import claims, leases
from reflexa.memory.store import LOCK_SECONDS, Store

BATCH = 500
"""Rows in memory at a time."""


@dataclass(frozen=True)
class Copied:
    """What was copied. ``rows`` counts them by table, ``size`` is the backup's, in bytes."""

    file: Path
    size: int
    rows: dict[str, int] = field(default_factory=dict)


def backup(where: str | Path, target: Path, *, replace: bool = False) -> Copied:
    """Copies a database, as it stands at one moment, to the file ``target``, for its owner's eyes only.

    Others may write meanwhile. The copy is checked before it gets its name. Raises ``UsageError`` where there is no
    database, or where the target exists and is not to be replaced; ``StoreError`` where a database or disk refuses.
    """
    location = locate(where)
    target = target.expanduser().absolute()
    if location.path is not None and not location.path.exists():
        raise UsageError(f"there is no database at {location.shown}: nothing to back up")
    if location.path is not None and target.exists() and target.samefile(location.path):
        raise UsageError(f"{target} is the database itself: name another file")
    if target.exists() and not replace:
        raise UsageError(f"{target} exists: name another file, or add --replace")
    Store.open(where).close()  # upgrades it, and brings in what waited beside it
    with _aside(target) as part:
        if location.path is None:
            with _open(location) as database:
                database.read(lambda connection: _export(connection, part))
        else:
            _copy_file(location.path, part)
        rows = _strip(part)
        return Copied(target, part.stat().st_size, rows)


def restore(source: Path, where: str | Path, *, replace: bool = False) -> Copied:
    """Fills an empty database with a backup's rows, in one transaction; any other one only to ``replace`` all it has.

    Raises ``UsageError`` for a file that is no backup, and for a database that is not empty; ``StoreError`` for a
    damaged backup, one of a newer version, and a database on which somebody works.
    """
    source = source.expanduser().absolute()
    if not source.is_file():
        raise UsageError(f"{source}: no such file: name a backup that `reflexa memory backup` made")
    with tempfile.TemporaryDirectory(prefix="reflexa-") as folder:
        copy = Path(folder) / "backup.db"
        _copy_file(source, copy)
        _check(copy, source)
        Store.open(where).close()  # makes or upgrades it
        with _open(dataclasses.replace(locate(copy), shown=str(source))) as old, _open(locate(where)) as new:
            migrate(old)
            rows = old.read(lambda backed: new.write(lambda live: _fill(live, backed, new, replace)))
    return Copied(source, source.stat().st_size, rows)


@contextmanager
def _open(location: Location) -> Iterator[Database]:
    database = Database(location, LOCK_SECONDS)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def _aside(target: Path) -> Iterator[Path]:
    """A file that gets the target's name at the end, if all went well."""
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    prepare(locate(part))
    try:
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(target)
    except OSError as error:
        raise StoreError(
            f"the backup {target} cannot be written ({error.strerror}): check its folder and its disk"
        ) from error
    finally:
        for name in (part.name, f"{part.name}-wal", f"{part.name}-shm", f"{part.name}.outbox"):
            with suppress(OSError):
                part.with_name(name).unlink(missing_ok=True)


def _copy_file(source: Path, target: Path) -> None:
    """SQLite's own copy, of one snapshot: writers of the source are not held up, and do not disturb it."""
    with (
        _explained(source),
        closing(sqlite3.connect(source, timeout=LOCK_SECONDS)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)


def _export(live: Connection, part: Path) -> None:
    """Copies the snapshot that a server shows to a new SQLite file."""
    part.unlink(missing_ok=True)  # a connection that was lost on the way leaves half a copy
    prepare(locate(part))
    with _open(locate(part)) as new:
        migrate(new)
        new.write(lambda target: _copy_rows(live, target))


def _strip(part: Path) -> dict[str, int]:
    """Takes out who worked on what, makes it one file without companions, and checks it. Returns its rows by table."""
    with _open(locate(part)) as database:
        database.write(lambda connection: connection.execute(claims.delete()))
        rows = database.read(_counts)
    with _explained(part), closing(sqlite3.connect(part, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
        _require_sound(connection, part)
    return rows


def _check(copy: Path, source: Path) -> None:
    """Raises where the copy of a backup is none of ours, or damaged."""
    with _explained(source), closing(sqlite3.connect(copy)) as connection:
        _require_sound(connection, source)
        ours = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
    if ours == (0,):
        raise UsageError(f"{source} is a SQLite file, but no database of Reflexa: name a backup")


def _require_sound(connection: sqlite3.Connection, shown: Path) -> None:
    found = connection.execute("PRAGMA quick_check").fetchone()
    if found != ("ok",):
        raise StoreError(f"{shown} is damaged ({found[0]}): take another backup, or restore an older one")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise explain(error, str(path), LOCK_SECONDS) from error


def _counts(connection: Connection) -> dict[str, int]:
    count = select(func.count())
    return {table.name: connection.execute(count.select_from(table)).scalar_one() for table in _tables()}


def _fill(live: Connection, backed: Connection, database: Database, replace: bool) -> dict[str, int]:
    if live.dialect.name == "postgresql":
        live.execute(text(f"LOCK TABLE {claims.name} IN EXCLUSIVE MODE"))  # nobody begins to work meanwhile
    require_unused(live)
    if any(live.execute(select(exists(select(table)))).scalar() for table in metadata.sorted_tables):
        if not replace:
            held = live.execute(select(func.count()).select_from(runs)).scalar()
            raise UsageError(
                f"the database {database.shown} is not empty ({held} runs): name an empty one with --database, or add "
                "--replace, which deletes all that it holds"
            )
        for table in reversed(metadata.sorted_tables):
            live.execute(table.delete())
    return _copy_rows(backed, live)


def _copy_rows(source: Connection, target: Connection) -> dict[str, int]:
    copied = {}
    for table in _tables():
        number = 0
        for batch in source.execute(select(table), execution_options={"yield_per": BATCH}).mappings().partitions():
            target.execute(table.insert(), [dict(row) | _FREED if table is leases else dict(row) for row in batch])
            number += len(batch)
        copied[table.name] = number
        if number and target.dialect.name == "postgresql":
            _count_on(target, table)
    return copied


def _count_on(target: Connection, table: Table) -> None:
    """Lets a server's counter of a table go on after the last row."""
    counted = table.autoincrement_column
    if counted is not None:
        sequence = func.pg_get_serial_sequence(table.name, counted.name)
        target.execute(select(func.setval(sequence, select(func.max(counted)).scalar_subquery())))


_FREED = {"token": None}


def _tables() -> list[Table]:
    return [table for table in metadata.sorted_tables if table is not claims]
