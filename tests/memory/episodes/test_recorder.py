from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, Table, func, select

from reflexa.errors import StoreError
from reflexa.memory.database import Database
from reflexa.memory.episodes.encoding import call_rows
from reflexa.memory.episodes.recorder import Recorder
from reflexa.memory.episodes.schema import bodies, calls, tasks
from reflexa.memory.failures import DatabaseUnavailableError
from reflexa.memory.store import Store
from reflexa.types import Message
from tests.memory.support import CONFIG, a_call, a_task, an_attempt, an_episode, record

LONG = "a long prompt " * 10_000


class NotHeld:
    """A claim that nobody holds."""

    needed = "nobody's"

    def check(self, connection: Connection) -> None:
        raise StoreError("not yours")


def count(database: Database, table: Table) -> int:
    rows = select(func.count()).select_from(table)
    return database.read(lambda connection: connection.execute(rows).scalar_one())


def test_a_prompt_is_stored_once_however_often_it_is_sent(store: Store, database: Database) -> None:
    prompt = (Message(role="user", content=LONG),)
    run = store.create_run(CONFIG)
    store.begin_episode(run.id, a_task())
    for index in range(20):
        store.record_call(run.id, a_call(attempt=index).model_copy(update={"messages": prompt}))
        store.record_attempt(run.id, "Sums/0", an_attempt(index).model_copy(update={"messages": prompt}))
    assert all(call.messages == prompt for call in store.calls(run.id))
    assert count(database, bodies) == 21  # the prompt, and 20 answers


def test_an_attempt_shares_its_completion_with_its_call(store: Store, database: Database) -> None:
    run = store.create_run(CONFIG)
    store.begin_episode(run.id, a_task())
    store.record_call(run.id, a_call())
    before = count(database, bodies)
    store.record_attempt(run.id, "Sums/0", an_attempt())
    assert count(database, bodies) == before


def test_runs_share_their_tasks(store: Store, database: Database) -> None:
    for _ in range(3):
        record(store, store.create_run(CONFIG).id, an_episode())
    assert count(database, tasks) == 1


def test_what_a_check_refuses_is_not_recorded(store: Store, database: Database) -> None:
    run = store.create_run(CONFIG)
    recorder = Recorder(database, None)
    with pytest.raises(StoreError, match="not yours"):
        recorder.commit(call_rows(run.id, a_call()), NotHeld())
    assert (count(database, calls), count(database, bodies)) == (0, 0)
    with store.claim(run.id) as claim:
        recorder.commit(call_rows(run.id, a_call()), claim)
    assert list(store.calls(run.id)) == [a_call()]


def test_a_result_that_found_the_database_locked_is_there_afterwards(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with Store.open(path, lock_timeout=0.1) as store, closing(sqlite3.connect(path, isolation_level=None)) as holder:
        run = store.create_run(CONFIG)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnavailableError, match=r"the last result is kept in a.db.outbox"):
            store.record_call(run.id, a_call(attempt=0))
        holder.rollback()
        store.record_call(run.id, a_call(attempt=1))
        assert [call.context.attempt for call in store.calls(run.id)] == [0, 1]


def test_a_kept_result_enters_when_the_database_is_next_opened(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        with Store.open(path, lock_timeout=0.1) as store:
            run = store.create_run(CONFIG)
            holder.execute("BEGIN IMMEDIATE")
            with pytest.raises(DatabaseUnavailableError):
                store.record_call(run.id, a_call())
        with Store.open(path, lock_timeout=0.1) as store:  # still locked: what is there can be read
            assert list(store.calls(run.id)) == []
        holder.rollback()
    with Store.open(path) as store:
        assert list(store.calls(run.id)) == [a_call()]


def test_a_result_that_cannot_be_kept_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with Store.open(path, lock_timeout=0.1) as store, closing(sqlite3.connect(path, isolation_level=None)) as holder:
        run = store.create_run(CONFIG)
        (tmp_path / "a.db.outbox").symlink_to(tmp_path / "elsewhere")
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"could not be kept .*: resuming the run repeats it"):
            store.record_call(run.id, a_call())
        holder.rollback()
