"""Databases as each version of the schema left them, written by that version's own code.

    python -m tests.memory.old_files

adds the one of this version, which is due as soon as the next migration comes: from then on it is tested that the
file, with all it holds, is brought to the newest schema.
"""

from __future__ import annotations

import gzip
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from reflexa.memory.schema import HEAD
from reflexa.memory.store import Store
from tests.memory.support import CONFIG, a_call, an_episode, record

FOLDER = Path(__file__).parent / "old"


def file_of(revision: str) -> Path:
    return FOLDER / f"{revision}.db.gz"


def unpack(revision: str, target: Path) -> None:
    """Puts the file of an earlier version there."""
    target.write_bytes(gzip.decompress(file_of(revision).read_bytes()))


def write() -> Path:
    """Writes the file of this version."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "old.db"
        with Store.open(path) as store:
            run = store.create_run(CONFIG, name="old")
            store.record_call(run.id, a_call())
            record(store, run.id, an_episode())
            store.end_run(run.id, "finished")
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
            connection.execute("VACUUM")
        FOLDER.mkdir(exist_ok=True)
        file_of(HEAD).write_bytes(gzip.compress(path.read_bytes(), mtime=0))
    return file_of(HEAD)


if __name__ == "__main__":
    print(write())
