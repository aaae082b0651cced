"""Real failures of real databases, each one line that says what to do."""

from __future__ import annotations

import os
import socket
import sqlite3
from pathlib import Path

import pytest

from reflexa.errors import StoreError
from reflexa.memory.failures import DatabaseUnavailableError, busy, is_passing
from reflexa.memory.store import Store
from tests.memory.support import CONFIG, a_call, a_task, an_attempt


def said(error: pytest.ExceptionInfo[StoreError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database " * 100)
    with pytest.raises(StoreError) as error:
        Store.open(path)
    assert said(error) == f"the database {path} cannot be used: it is not a SQLite database: name another file"
    assert path.read_text() == "not a database " * 100


def test_a_damaged_database(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with Store.open(path) as store:
        run = store.create_run(CONFIG)
        for number in range(50):
            store.record_call(run.id, a_call(attempt=number))
    content = bytearray(path.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"damaged: restore it from a backup"):
        Store.open(path).list_runs()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_became_read_only(tmp_path: Path) -> None:
    path = tmp_path / "a" / "a.db"
    with Store.open(path) as store:
        store.create_run(CONFIG)
    path.parent.chmod(0o500)
    with pytest.raises(StoreError, match=r"give write permission|check that its folder"):
        Store.open(path)
    path.parent.chmod(0o700)


def test_a_locked_database(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with Store.open(path, lock_timeout=0.2) as store:
        run = store.create_run(CONFIG)
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(
            DatabaseUnavailableError, match=r"was locked by another process for more than 0.2 s"
        ) as error:
            store.record_call(run.id, a_call())
        assert "the last result is kept in a.db.outbox" in said(error)
        holder.rollback()
        holder.close()


def test_rows_without_what_they_belong_to(store: Store) -> None:
    with pytest.raises(StoreError, match="record the run, the episode and the attempt before"):
        store.begin_episode("no such run", a_task())
    run = store.create_run(CONFIG)
    with pytest.raises(StoreError, match="record the run, the episode and the attempt before"):
        store.record_attempt(run.id, "no such task", an_attempt())


def test_a_server_that_is_not_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # not listening: refused
        port = taken.getsockname()[1]
        with pytest.raises(DatabaseUnavailableError, match=r"cannot be reached .*check the URL") as error:
            Store.open(f"postgresql://me:hunter22@127.0.0.1:{port}/db")
    assert "hunter22" not in said(error)


def test_a_database_that_the_server_does_not_have(postgres_server: str) -> None:
    with pytest.raises(StoreError, match=r"does not exist|no such database") as error:
        Store.open(postgres_server.replace("/postgres?", "/nowhere?"))
    said(error)


def test_a_user_that_the_server_does_not_know(postgres_server: str) -> None:
    with pytest.raises(StoreError, match=r"does not exist|refused the user") as error:
        Store.open(postgres_server.replace("postgres:@", "stranger:hunter22@"))
    assert "hunter22" not in said(error)


def test_a_read_only_server(postgres: str) -> None:
    with pytest.raises(StoreError, match="read-only"):
        Store.open(postgres + "&options=-c%20default_transaction_read_only%3Don")


def test_a_lock_held_by_another_passes() -> None:
    locked = sqlite3.OperationalError("database is locked")
    locked.sqlite_errorcode = sqlite3.SQLITE_BUSY
    assert is_passing(locked)
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorcode = sqlite3.SQLITE_FULL
    assert not is_passing(full)
    assert isinstance(busy("x", 1), DatabaseUnavailableError)
