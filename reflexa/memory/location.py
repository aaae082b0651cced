"""Where a database is: a URL or a path, understood and made ready."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from reflexa.errors import MissingExtraError, StoreError

FORMS = "expected sqlite:///FILE, a plain path, or postgresql://USER@HOST/DATABASE"
_POSTGRES = ("postgres", "postgresql", "postgresql+psycopg")
_PRIVATE = stat.S_IRUSR | stat.S_IWUSR


@dataclass(frozen=True)
class Location:
    """A database's address. ``path`` is the file of a SQLite database; ``shown`` may be printed: it has no password."""

    url: URL
    path: Path | None
    shown: str


def locate(where: str | Path) -> Location:
    """Understands a URL or a plain path. Raises ``StoreError`` for what is neither."""
    if isinstance(where, Path) or "://" not in where:
        return _file(Path(where))
    try:
        url = make_url(where)
    except (ArgumentError, ValueError):
        raise StoreError(
            f"the database URL cannot be read (what stands before '://': {_scheme(where)!r}): {FORMS}"
        ) from None
    if url.drivername in ("sqlite", "sqlite+pysqlite"):
        return _file(Path(url.database or ""))
    if url.drivername in _POSTGRES:
        return Location(url.set(drivername="postgresql+psycopg"), None, _without_secrets(url))
    raise StoreError(f"databases of the kind {_scheme(where)!r} are not supported: {FORMS}")


def prepare(location: Location) -> None:
    """Makes the folder and the file of a SQLite database, for its owner's eyes only. SQLite gives the file's
    permissions to its companions (``-wal``, ``-shm``). Raises ``StoreError`` where that is not allowed."""
    if location.path is None:
        _require_psycopg()
        return
    try:
        location.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(location.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _PRIVATE)
        try:
            status = os.fstat(descriptor)
            if stat.S_IMODE(status.st_mode) != _PRIVATE and status.st_uid == os.geteuid():
                os.fchmod(descriptor, _PRIVATE)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise StoreError(
            f"the database {location.shown} cannot be opened for writing ({error.strerror}): "
            "give write permission on its folder, or name another file"
        ) from error


def _file(path: Path) -> Location:
    if path.name in ("", ":memory:"):
        raise StoreError(f"the database needs a file that outlives the process: {FORMS}")
    path = path.expanduser().absolute()
    if "\x00" in str(path):
        raise StoreError(f"the database's file name holds a NUL character: {FORMS}")
    return Location(URL.create("sqlite", database=str(path)), path, str(path))


def _without_secrets(url: URL) -> str:
    query = {key: "hidden" if "password" in key.lower() else value for key, value in url.query.items()}
    return url.set(query=query).render_as_string(hide_password=True)


def _scheme(where: str) -> str:
    return where.partition("://")[0][:40]


def _require_psycopg() -> None:
    if find_spec("psycopg") is None:
        raise MissingExtraError("a PostgreSQL database", "postgres")
