"""What the durability checks share: processes that can be killed, values that can be told apart, databases examined."""

from __future__ import annotations

import os
import resource
import sqlite3
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from reflexa.memory.location import locate
from reflexa.memory.store import Store
from reflexa.types import Call, CallContext, Completion, Message, RunConfig, Sampling, Task
from tests.memory.postgres import execute

CONFIG = RunConfig(suite="faults", model="scripted:x")


@dataclass(frozen=True)
class Outcome:
    """What one check found. ``figure`` is for people; ``held`` says whether the promise was kept."""

    check: str
    held: bool
    figure: str


def call(number: int) -> Call:
    return Call(
        context=CallContext(task_id="Faults/0", purpose="attempt", attempt=number),
        policy="scripted:x",
        messages=(Message(role="user", content="the same prompt " * 20), Message(role="user", content=f"{number}")),
        sampling=Sampling(),
        completion=Completion(text=f"answer {number} " * 10),
    )


def task(number: int) -> Task:
    return Task(id=f"Faults/{number}", prompt=(Message(role="user", content=f"task {number}"),))


def fork(work: Callable[[], None]) -> int:
    """Runs ``work`` in a child process; its exit code is 0 where ``work`` returned."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def succeeded(pid: int) -> bool:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@dataclass(frozen=True)
class Site:
    """Where a check has its databases: files in a folder, or databases of the server at the URL ``server``."""

    folder: Path
    server: str | None = None

    @property
    def kind(self) -> str:
        return "SQLite" if self.server is None else "PostgreSQL"

    def new(self, name: str) -> str:
        """The URL of a new database."""
        if self.server is None:
            return f"sqlite:///{self.folder}/{name}.db"
        execute(self.server, f'CREATE DATABASE "{name}"')
        return self.server.replace("/postgres?", f"/{name}?")


def new_run(where: str | Path) -> str:
    with Store.open(where) as store:
        return store.create_run(CONFIG).id


def intact(where: str | Path) -> bool:
    """Whether a SQLite file is whole; a server looks after its own files."""
    path = locate(where).path
    if path is None:
        return True
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA quick_check").fetchall() == [("ok",)]


def recorded(where: str | Path, run_id: str) -> list[int]:
    """The numbers of the recorded calls, each read whole."""
    with Store.open(where) as store:
        found = [(made.context.attempt, made) for made in store.calls(run_id)]
    assert all(made == call(number) for number, made in found)
    return [number for number, _ in found]


def hold_lock(path: Path, seconds: float) -> int:
    """A process that holds the writer's lock, and already does when this returns."""
    reader, writer = os.pipe()

    def hold() -> None:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        os.write(writer, b"!")
        time.sleep(seconds)

    pid = fork(hold)
    os.read(reader, 1)
    os.close(reader)
    os.close(writer)
    return pid


def table_count(path: Path) -> int:
    if not path.exists():
        return 0
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM sqlite_master WHERE type = 'table'").fetchone()[0])


def peak_memory() -> float:
    """Bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


def open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))
