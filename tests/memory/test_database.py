from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from reflexa.errors import StoreError
from reflexa.memory.database import Database
from reflexa.memory.failures import DatabaseUnavailableError
from reflexa.memory.location import locate, prepare


@pytest.fixture
def database(empty_url: str) -> Iterator[Database]:
    location = locate(empty_url)
    prepare(location)
    database = Database(location, lock_timeout=5)
    database.write(lambda connection: connection.execute(text("CREATE TABLE numbers (number INTEGER)")))
    yield database
    database.close()


def insert(connection: Connection) -> None:
    connection.execute(text("INSERT INTO numbers VALUES (1)"))


def count(connection: Connection) -> int:
    return int(connection.execute(text("SELECT count(*) FROM numbers")).scalar_one())


def test_a_write_that_fails_leaves_nothing(database: Database) -> None:
    def insert_and_fail(connection: Connection) -> None:
        insert(connection)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        database.write(insert_and_fail)
    assert database.read(count) == 0
    database.write(insert)
    assert database.read(count) == 1


def test_a_statement_of_its_own_is_committed_at_once_on_a_server(database: Database) -> None:
    if not database.is_server:
        pytest.skip("a file has no server to exchange with")

    def insert_and_fail(connection: Connection) -> None:
        insert(connection)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        database.write_at_once(insert_and_fail)
    assert database.read(count) == 1


def test_a_reader_sees_one_snapshot(database: Database) -> None:
    def count_twice(connection: Connection) -> tuple[int, int]:
        before = count(connection)
        writer = threading.Thread(target=database.write, args=(insert,))
        writer.start()
        writer.join()
        return before, count(connection)

    assert database.read(count_twice) == (0, 0)
    assert database.read(count) == 1


def test_threads_write_in_turn(database: Database) -> None:
    def add_one(connection: Connection) -> None:
        connection.execute(text("UPDATE numbers SET number = number + 1"))

    database.write(insert)
    threads = [threading.Thread(target=database.write, args=(add_one,)) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert database.read(lambda connection: connection.execute(text("SELECT number FROM numbers")).scalar()) == 33


def test_an_error_of_the_database_becomes_a_store_error(database: Database) -> None:
    with pytest.raises(StoreError, match=r"refused: .*nothing_of_that_name"):
        database.read(lambda connection: connection.execute(text("SELECT * FROM nothing_of_that_name")))


def test_sqlite_commits_to_the_disk(tmp_path: Path) -> None:
    location = locate(tmp_path / "a.db")
    prepare(location)
    database = Database(location, lock_timeout=1)

    def pragmas(connection: Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys")
        return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]

    assert database.read(pragmas) == ["wal", 2, 1]
    database.close()


def test_a_writer_takes_the_lock_before_it_reads(tmp_path: Path) -> None:
    location = locate(tmp_path / "a.db")
    prepare(location)
    database = Database(location, lock_timeout=0.1)
    outsider = sqlite3.connect(tmp_path / "a.db", isolation_level=None)

    def intrude(connection: Connection) -> None:
        outsider.execute("PRAGMA busy_timeout = 0")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            outsider.execute("BEGIN IMMEDIATE")

    database.write(intrude)
    outsider.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseUnavailableError):
        database.write(lambda connection: None)
    outsider.rollback()
    outsider.close()
    database.close()


def test_a_thread_does_not_wait_for_ever_for_its_turn(tmp_path: Path) -> None:
    location = locate(tmp_path / "a.db")
    prepare(location)
    database = Database(location, lock_timeout=0.1)
    entered, leave = threading.Event(), threading.Event()

    def stay(connection: Connection) -> None:
        entered.set()
        leave.wait(30)

    thread = threading.Thread(target=database.write, args=(stay,))
    thread.start()
    entered.wait(30)
    with pytest.raises(DatabaseUnavailableError, match="was locked"):
        database.write(lambda connection: None)
    leave.set()
    thread.join()
    database.close()
