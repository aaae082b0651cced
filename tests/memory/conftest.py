"""Real databases: a SQLite file for each test, and a PostgreSQL server for each process of the tests."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from reflexa.memory.database import Database
from reflexa.memory.location import locate
from reflexa.memory.schema import metadata
from reflexa.memory.store import Store
from tests.memory.postgres import execute, start_server

IN_MEMORY = Path("/dev/shm")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a server that this process of the tests started.

    Its data does not live among pytest's folders: another session of the same user may clear those away, and a
    PostgreSQL whose folder is gone stops.
    """
    with tempfile.TemporaryDirectory(prefix="reflexa-pg-", ignore_cleanup_errors=True) as folder:
        server = start_server(Path(folder))
        yield server.get_uri()
        server.cleanup()


@pytest.fixture
def postgres(postgres_server: str) -> Iterator[str]:
    """The URL of a new, empty PostgreSQL database."""
    name = f"test_{secrets.token_hex(6)}"
    execute(postgres_server, f"CREATE DATABASE {name}")
    yield postgres_server.replace("/postgres?", f"/{name}?")
    execute(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres_with_schema(postgres_server: str) -> str:
    """The URL of the PostgreSQL database that most tests share, one after the other."""
    execute(postgres_server, "CREATE DATABASE shared")
    url = postgres_server.replace("/postgres?", "/shared?")
    Store.open(url).close()
    return url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with the schema."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    Store.open(path).close()
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder where forcing to the disk costs nothing, if there is one: what the tests kill is processes."""
    if not os.access(IN_MEMORY, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=IN_MEMORY, prefix="reflexa-") as name:
        yield Path(name)


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, folder: Path) -> str:
    """The URL of a new database of each kind, without a schema."""
    if request.param == "sqlite":
        return f"sqlite:///{folder}/reflexa.db"
    url: str = request.getfixturevalue("postgres")
    return url


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, folder: Path) -> str:
    """The URL of a new database of each kind."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), folder / "reflexa.db")
        return f"sqlite:///{folder}/reflexa.db"
    url: str = request.getfixturevalue("postgres_with_schema")
    execute(url, f"TRUNCATE {', '.join(metadata.tables)}")
    return url


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with Store.open(url) as store:
        yield store


@pytest.fixture
def database(store: Store, url: str) -> Iterator[Database]:
    """A second way into the store's database."""
    database = Database(locate(url), lock_timeout=5)
    yield database
    database.close()
