from __future__ import annotations

import dataclasses
import multiprocessing
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, select, text

from reflexa.errors import StoreError
from reflexa.memory import migrations
from reflexa.memory.schema import HEAD, metadata
from reflexa.memory.sharing.processes import this_process
from reflexa.memory.store import Store
from tests.memory import old_files
from tests.memory.support import CONFIG, a_call, an_episode, record


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def differences(connection: Connection) -> list[Any]:
    """Between a database and the metadata, but for the full-text index, which no metadata can describe."""
    opts = {"compare_type": True, "include_name": is_ours, "include_object": is_described}
    context = MigrationContext.configure(connection, opts=opts)
    return list(compare_metadata(context, metadata))


def is_ours(name: str | None, kind: str, parents: Any) -> bool:
    return kind != "table" or not (name or "").startswith("lesson_index")


def is_described(item: Any, name: str | None, kind: str, reflected: bool, other: Any) -> bool:
    return (kind, name) not in (("column", "terms"), ("index", "lessons_terms"))


def test_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_the_migrations_make_exactly_the_schema(empty_url: str) -> None:
    Store.open(empty_url).close()
    with connected(empty_url) as connection:
        assert differences(connection) == []


def old_database(url: str, revision: str, filled: Path) -> None:
    """A database as an earlier version left it, with what the newer database ``filled`` has in the tables of then."""
    with Store.open(filled) as store:
        record(store, store.create_run(CONFIG, name="old").id, an_episode())
    with connected(url) as old, connected(f"sqlite:///{filled}") as new:
        config = Config(attributes={"connection": old})
        config.set_main_option("script_location", str(Path(migrations.__file__).parent))
        config.set_main_option("path_separator", "os")
        command.upgrade(config, revision)
        known = inspect(old).get_table_names()
        for table in metadata.sorted_tables:
            rows = [dict(row) for row in new.execute(select(table)).mappings()]
            if rows and table.name in known:
                old.execute(table.insert(), rows)


@pytest.mark.parametrize("revision", [f"{number:04}" for number in range(1, int(HEAD))])
def test_a_database_of_each_earlier_schema_is_upgraded_and_keeps_all_it_has(
    empty_url: str, tmp_path: Path, revision: str
) -> None:
    old_database(empty_url, revision, tmp_path / "filled.db")
    with connected(empty_url) as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == revision
    with Store.open(empty_url) as store:
        assert list(store.episodes(store.find_run("old").id)) == [an_episode()]
        assert store.list_datasets() == []
    with connected(empty_url) as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == HEAD
        assert differences(connection) == []


EARLIER = [f"{number:04}" for number in range(1, int(HEAD))]


def known_then(value: Any) -> Any:
    """A value without native tool calls, of which the first versions knew nothing."""
    if isinstance(value, dict):
        return {name: known_then(part) for name, part in value.items() if name not in ("calls", "tools")}
    return [known_then(part) for part in value] if isinstance(value, list | tuple) else value


@pytest.mark.parametrize("revision", EARLIER)
def test_a_file_that_an_earlier_version_wrote_is_upgraded_and_keeps_all_it_has(tmp_path: Path, revision: str) -> None:
    path = tmp_path / "old.db"
    old_files.unpack(revision, path)
    with connected(f"sqlite:///{path}") as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == revision
    with Store.open(path) as store:
        run = store.find_run("old")
        assert (run.config, run.status) == (CONFIG, "finished")
        assert [known_then(episode.model_dump()) for episode in store.episodes(run.id)] == [
            known_then(an_episode().model_dump())
        ]
        assert [known_then(call.model_dump()) for call in store.calls(run.id)] == [known_then(a_call().model_dump())]
        store.record_call(run.id, a_call(attempt=1))
        with store.claim(run.id, ["Sums/9"]) as claim:
            assert claim.next().task_id == "Sums/9"
    with connected(f"sqlite:///{path}") as connection:
        assert differences(connection) == []


def test_a_process_of_the_version_before_leases_keeps_its_claim(empty_url: str, tmp_path: Path) -> None:
    old_database(empty_url, "0007", tmp_path / "filled.db")
    with connected(empty_url) as connection:
        (run_id,) = connection.execute(text("SELECT id FROM runs")).one()
        held = {"token": "theirs", "run_id": run_id, "since": time.time(), "renewed": time.time()}
        row = held | dataclasses.asdict(this_process())
        names = ", ".join(row)
        places = ", ".join(f":{name}" for name in row)
        connection.execute(text(f"INSERT INTO claims ({names}) VALUES ({places})"), row)
    with Store.open(empty_url) as store, pytest.raises(StoreError, match="in use by process"), store.claim(run_id):
        pass


def test_a_database_of_a_newer_version_is_refused_and_left_alone(empty_url: str) -> None:
    with Store.open(empty_url) as store:
        run = store.create_run(CONFIG)
        record(store, run.id, an_episode())
    with connected(empty_url) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match=r"newer version of Reflexa .schema 9999.*: upgrade Reflexa") as error:
        Store.open(empty_url)
    assert "\n" not in str(error.value)
    with connected(empty_url) as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "9999"
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{HEAD}'"))
    with Store.open(empty_url) as store:
        assert list(store.episodes(run.id)) == [an_episode()]


def test_an_up_to_date_database_never_loads_alembic(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    Store.open(path).close()
    code = (
        "import sys; from reflexa.memory import Store; "
        f"Store.open({str(path)!r}).list_runs(); print([name for name in sys.modules if name.startswith('alembic')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_threads_that_open_a_new_database_at_once(empty_url: str) -> None:
    failures: list[BaseException] = []

    def open_it() -> None:
        try:
            Store.open(empty_url).close()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def open_and_run(url: str) -> None:
    with Store.open(url) as store:
        store.create_run(CONFIG)


def test_processes_that_open_a_new_database_at_once(empty_url: str) -> None:
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=open_and_run, args=(empty_url,)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    with Store.open(empty_url) as store:
        assert len(store.list_runs()) == 2


def test_a_migration_that_fails_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE calls (somebody_elses INTEGER)")  # the last table that a migration makes
    with pytest.raises(StoreError, match="calls"):
        Store.open(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("calls",)]
