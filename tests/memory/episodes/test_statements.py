from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import delete, func, select

from reflexa.errors import StoreError
from reflexa.memory.database import Database
from reflexa.memory.episodes.schema import bodies
from reflexa.memory.episodes.statements import KNOWN_SHAPES, LARGEST, Group, Statements
from reflexa.memory.location import locate
from reflexa.memory.schema import metadata
from reflexa.memory.sharing.schema import claims
from reflexa.memory.store import Store
from tests.memory.postgres import execute
from tests.memory.support import AWKWARD, CONFIG


@pytest.fixture
def server(postgres_with_schema: str) -> Iterator[Database]:
    execute(postgres_with_schema, f"TRUNCATE {', '.join(metadata.tables)}")
    database = Database(locate(postgres_with_schema), lock_timeout=5)
    yield database
    database.close()


@pytest.fixture
def statements(server: Database) -> Statements:
    return Statements(server)


def texts(server: Database, number: int, text: str = AWKWARD) -> Group:
    """So many texts that need storing."""
    rows = [{"digest": f"{text}{each}", "body": text} for each in range(number)]
    return Group("bodies", server.insert(bodies).inline().on_conflict_do_nothing(), rows)


def count(server: Database) -> int:
    rows = select(func.count()).select_from(bodies)
    return server.read(lambda connection: connection.execute(rows).scalar_one())


def a_token(server: Database) -> Any:
    return server.read(lambda connection: connection.execute(select(claims.c.token)).scalar_one())


def test_rows_are_committed_as_they_are_and_once(server: Database, statements: Statements) -> None:
    group = texts(server, 3)
    assert statements.commit([group], None)
    assert statements.commit([group], None)
    assert count(server) == 3
    stored = server.read(lambda connection: set(connection.execute(select(bodies.c.body)).scalars()))
    assert stored == {AWKWARD}


def test_nothing_is_written_without_the_claim_that_is_asked_for(server: Database, statements: Statements) -> None:
    assert not statements.commit([texts(server, 2)], "nobody's")
    assert count(server) == 0


def test_rows_are_committed_while_the_claim_stands(
    server: Database, statements: Statements, postgres_with_schema: str
) -> None:
    with Store.open(postgres_with_schema) as store, store.claim(store.create_run(CONFIG).id):
        assert statements.commit([texts(server, 2)], a_token(server))
    assert count(server) == 2


def test_a_claim_that_is_being_taken_away_is_waited_for(
    server: Database, statements: Statements, postgres_with_schema: str
) -> None:
    committed: list[bool] = []
    with Store.open(postgres_with_schema) as store:
        claim = store.claim(store.create_run(CONFIG).id)
        with claim:
            token = a_token(server)
            group = texts(server, 1)
            writer = threading.Thread(target=lambda: committed.append(statements.commit([group], token)))

            def take_away(connection: Any) -> None:
                connection.execute(delete(claims).where(claims.c.token == token))
                writer.start()

            server.write(take_away)
            writer.join()
    assert committed == [False]
    assert count(server) == 0


def test_what_does_not_fit_one_statement_is_left_to_a_transaction(server: Database, statements: Statements) -> None:
    assert not statements.commit([texts(server, LARGEST + 1)], None)
    assert not statements.commit([texts(server, 1), texts(server, 1, "another")], None)
    assert count(server) == 0


def test_more_shapes_than_are_remembered_are_committed_all_the_same(server: Database, statements: Statements) -> None:
    groups = [texts(server, 1, f"{number}:") for number in range(KNOWN_SHAPES + 2)]
    assert all(statements.commit([group], None) for group in groups)
    assert count(server) == len(groups)


def test_what_the_database_refuses_is_an_error(server: Database, statements: Statements) -> None:
    group = texts(server, 1)
    with pytest.raises(StoreError, match="refused a row"):
        statements.commit([group._replace(rows=[{"digest": "a", "body": None}])], None)
