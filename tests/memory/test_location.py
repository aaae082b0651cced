from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from reflexa.errors import StoreError
from reflexa.memory.location import locate, prepare
from reflexa.memory.store import Store
from tests.memory.support import CONFIG


@pytest.mark.parametrize("where", ["sqlite:///{}/a.db", "sqlite+pysqlite:///{}/a.db", "{}/a.db"])
def test_a_file_may_be_named_by_url_or_by_path(where: str, tmp_path: Path) -> None:
    assert locate(where.format(tmp_path)).path == tmp_path / "a.db"
    assert locate(tmp_path / "a.db").path == tmp_path / "a.db"


def test_a_path_may_hold_spaces_and_signs(tmp_path: Path) -> None:
    path = tmp_path / "a folder" / "100% ?#&é.db"
    with Store.open(path) as store:
        store.create_run(CONFIG)
    assert path.exists()


def test_a_relative_path_is_taken_from_the_working_folder() -> None:
    assert locate("memory/a.db").path == Path.cwd() / "memory" / "a.db"
    assert locate("sqlite:///memory/a.db").path == Path.cwd() / "memory" / "a.db"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_means_psycopg(scheme: str) -> None:
    location = locate(f"{scheme}://me@host:5433/db")
    assert location.path is None
    assert location.url.drivername == "postgresql+psycopg"


@pytest.mark.parametrize("url", ["postgresql://me:hunter22@host/db", "postgresql://me@host/db?password=hunter22"])
def test_a_password_is_never_shown(url: str) -> None:
    shown = locate(url).shown
    assert "hunter22" not in shown
    assert "host" in shown


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("mysql://me:hunter22@host/db", "databases of the kind 'mysql' are not supported"),
        ("postgresql://me:hunter22@host:port/db", "the database URL cannot be read"),
        ("://", "the database URL cannot be read"),
        ("sqlite://", "needs a file"),
        ("sqlite:///:memory:", "needs a file"),
        ("", "needs a file"),
        ("a\x00b", "NUL"),
    ],
)
def test_what_cannot_be_a_database_is_refused(where: str, said: str) -> None:
    with pytest.raises(StoreError, match=said) as caught:
        Store.open(where)
    assert "hunter22" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "expected sqlite:///FILE" in str(caught.value)


def test_the_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "a.db"
    old = os.umask(0)
    try:
        with Store.open(path) as store:
            store.create_run(CONFIG)
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(old)
    assert modes == {"a.db": 0o600, "a.db-wal": 0o600, "a.db-shm": 0o600}


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.touch(mode=0o644)
    prepare(locate(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_made_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot be opened for writing \(.*\): give write permission"):
        Store.open(tmp_path / "file" / "a.db")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_said_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match=r"cannot be opened for writing \(Permission denied\): give write permission"):
        Store.open(tmp_path / "a.db")
    tmp_path.chmod(0o700)


def test_a_folder_is_not_a_database(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="Is a directory"):
        Store.open(tmp_path)
