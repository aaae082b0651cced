from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, insert, select

from reflexa.errors import StoreError, UsageError
from reflexa.memory.backups import backup, restore
from reflexa.memory.schema import HEAD, metadata
from reflexa.memory.sharing.schema import claims
from reflexa.memory.store import Store
from tests.memory.support import CONFIG, a_call, an_episode, record


def filled(url: str) -> str:
    """Fills a database and returns its run's id."""
    with Store.open(url) as store:
        run = store.create_run(CONFIG, name="whole")
        store.record_call(run.id, a_call())
        record(store, run.id, an_episode())
        return run.id


def contents(url: str) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        rows = {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
            for table in metadata.sorted_tables
        }
    engine.dispose()
    return rows


def test_a_backup_holds_everything_and_fills_a_database_of_either_kind(
    url: str, empty_url: str, tmp_path: Path
) -> None:
    run_id, fresh = filled(url), empty_url.replace("reflexa.db", "fresh.db")
    with Store.open(url) as store, store.claim(run_id, ["Sums/9"]) as claim:
        assert claim.next().task_id == "Sums/9"
        copied = backup(url, tmp_path / "copy.db")
        assert (copied.rows["runs"], copied.rows["attempts"], copied.rows["calls"]) == (1, 2, 1)
    assert copied.size == copied.file.stat().st_size
    assert stat.S_IMODE(copied.file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["copy.db"]
    before = contents(f"sqlite:///{copied.file}")
    assert before["claims"] == []
    assert [row[3] for row in before["leases"]] == [None]
    restored = restore(copied.file, fresh)
    assert restored.rows == copied.rows
    assert contents(fresh) == before
    with Store.open(fresh) as store:
        assert list(store.episodes(run_id)) == [an_episode()]
        store.record_call(run_id, a_call(attempt=1))  # the counters of the tables go on
        assert [call.context.attempt for call in store.calls(run_id)] == [0, 1]
        with store.claim(run_id, ["Sums/9"]) as claim:
            assert claim.next().task_id == "Sums/9"


def test_a_database_that_holds_something_is_only_replaced_when_told(url: str, tmp_path: Path) -> None:
    run_id = filled(url)
    copied = backup(url, tmp_path / "copy.db")
    with Store.open(url) as store:
        later = store.create_run(CONFIG, name="later")
    with pytest.raises(UsageError, match=r"is not empty \(2 runs\).*--replace, which deletes all"):
        restore(copied.file, url)
    with Store.open(url) as store:
        assert store.find_run("later") == later
    restore(copied.file, url, replace=True)
    with Store.open(url) as store:
        assert [run.id for run in store.list_runs()] == [run_id]


def test_a_database_in_use_is_not_replaced(url: str, tmp_path: Path) -> None:
    run_id = filled(url)
    copied = backup(url, tmp_path / "copy.db")
    with Store.open(url) as store, store.claim(run_id):
        with pytest.raises(StoreError, match=f"run {run_id} is in use by process .*: wait for it or stop it"):
            restore(copied.file, url, replace=True)
        store.record_call(run_id, a_call(attempt=7))


def test_nothing_is_written_over_unasked(tmp_path: Path) -> None:
    database, target = tmp_path / "a.db", tmp_path / "copy.db"
    filled(f"sqlite:///{database}")
    target.write_text("precious")
    with pytest.raises(UsageError, match=r"copy\.db exists: name another file, or add --replace"):
        backup(database, target)
    assert target.read_text() == "precious"
    assert backup(database, target, replace=True).rows["runs"] == 1
    with pytest.raises(UsageError, match="is the database itself"):
        backup(database, database, replace=True)
    with pytest.raises(UsageError, match="there is no database at"):
        backup(tmp_path / "nothing.db", tmp_path / "other.db")
    assert not (tmp_path / "nothing.db").exists()


def test_a_backup_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    filled(f"sqlite:///{tmp_path}/a.db")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "copy.db").mkdir()
    with pytest.raises(StoreError, match="cannot be written"):
        backup(tmp_path / "a.db", tmp_path / "full" / "copy.db", replace=True)
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["copy.db"]


def _no_such(path: Path) -> None:
    """Leaves it missing."""


def _text(path: Path) -> None:
    path.write_text("no database\n" * 100)


def _foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE runs (id TEXT)")


def _newer(path: Path) -> None:
    filled(f"sqlite:///{path}")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")


def _damaged(path: Path) -> None:
    filled(f"sqlite:///{path}")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode=DELETE")
    content = bytearray(path.read_bytes())
    for page in range(4096, len(content), 4096):
        content[page : page + 64] = b"\xff" * 64
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (_no_such, "no such file"),
        (_text, "is not a SQLite database"),
        (_foreign, "no database of Reflexa"),
        (_newer, f"newer version of Reflexa .schema 9999, this one knows up to {HEAD}"),
        (_damaged, "damaged"),
    ],
    ids=["missing", "text", "foreign", "newer", "damaged"],
)
def test_what_is_no_good_backup_is_refused_by_its_name(empty_url: str, tmp_path: Path, make: object, said: str) -> None:
    assert callable(make)
    make(tmp_path / "bad.db")
    with pytest.raises((UsageError, StoreError), match=said) as error:
        restore(tmp_path / "bad.db", empty_url)
    assert "bad.db" in str(error.value)
    with Store.open(empty_url) as store:
        assert store.list_runs() == []


def test_a_backup_is_not_changed_by_being_restored(tmp_path: Path) -> None:
    run_id = filled(f"sqlite:///{tmp_path}/a.db")
    copied = backup(tmp_path / "a.db", tmp_path / "copy.db")
    content = copied.file.read_bytes()
    restore(copied.file, tmp_path / "b.db")
    assert copied.file.read_bytes() == content
    assert run_id in content.decode(errors="replace")


def test_a_claim_of_a_dead_process_does_not_hold_up_a_restore(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    run_id = filled(url)
    copied = backup(url, tmp_path / "copy.db")
    engine = create_engine(url)
    dead = {"token": "t", "run_id": run_id, "host": "elsewhere", "boot": "", "pid": 1, "started": "", "since": 0.0}
    with engine.begin() as connection:
        connection.execute(insert(claims), dead | {"renewed": 0.0})
    engine.dispose()
    assert restore(copied.file, url, replace=True).rows == copied.rows
