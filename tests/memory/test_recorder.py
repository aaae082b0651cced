from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from reflexa.errors import StoreError
from reflexa.memory.failures import DatabaseUnavailableError
from reflexa.memory.store import Store
from reflexa.types import Message
from tests.memory.support import CONFIG, a_call, a_task, an_attempt, an_episode, record

LONG = "a long prompt " * 10_000


def test_a_prompt_is_stored_once_however_often_it_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    prompt = (Message(role="user", content=LONG),)
    with Store.open(path) as store:
        run = store.create_run(CONFIG)
        store.begin_episode(run.id, a_task())
        for index in range(20):
            store.record_call(run.id, a_call(attempt=index).model_copy(update={"messages": prompt}))
            store.record_attempt(run.id, "Sums/0", an_attempt(index).model_copy(update={"messages": prompt}))
        assert all(call.messages == prompt for call in store.calls(run.id))
    assert path.stat().st_size < 3 * len(LONG)


def test_an_attempt_shares_its_completion_with_its_call(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.db") as store:
        run = store.create_run(CONFIG)
        store.begin_episode(run.id, a_task())
        store.record_call(run.id, a_call())
        with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
            before = connection.execute("SELECT count(*) FROM bodies").fetchone()
            store.record_attempt(run.id, "Sums/0", an_attempt())
            assert connection.execute("SELECT count(*) FROM bodies").fetchone() == before


def test_runs_share_their_tasks(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.db") as store:
        for _ in range(3):
            record(store, store.create_run(CONFIG).id, an_episode())
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        assert connection.execute("SELECT count(*) FROM tasks").fetchone() == (1,)


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
