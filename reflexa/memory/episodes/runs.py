"""Runs: made, found by id, name or the start of an id, listed, ended."""

from __future__ import annotations

import secrets
import time
from difflib import get_close_matches
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, or_, select, update

from reflexa.errors import StoreError, UsageError, unknown_name
from reflexa.memory.database import Database
from reflexa.memory.episodes.schema import runs
from reflexa.types import RunRecord, RunStatus

_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's: none looks like another."""
_DAY = 86_400
MANY = 5
"""How many candidates an error lists."""


class RunMark(NamedTuple):
    """What tells apart runs whose attempts may be learnt from: the suite as it was named, its split, the feedback."""

    id: str
    suite: str
    split: str
    oracle: bool


def new_id(now: float) -> str:
    """Three letters that sort by the day and five at random: 33 million a day, and four letters mostly tell apart."""
    day = int(now // _DAY)
    sortable = "".join(_LETTERS[day >> shift & 31] for shift in (10, 5, 0))
    return sortable + "".join(secrets.choice(_LETTERS) for _ in range(5))


def create(database: Database, record: RunRecord) -> None:
    """Writes a new run. Raises ``UsageError`` where its name is taken."""
    row = record.model_dump()

    def insert(connection: Connection) -> None:
        connection.execute(database.insert(runs).on_conflict_do_nothing(), row)
        ours = select(runs.c.id).where(runs.c.id == record.id, runs.c.created == record.created)
        if connection.execute(ours).first() is None:
            raise _taken(connection, record)

    database.write(insert)


def find(database: Database, ref: str) -> RunRecord:
    """The run of this id, name, or unique start of an id. Raises ``UsageError`` with the candidates."""
    return database.read(lambda connection: _find(connection, ref))


def newest(database: Database, limit: int | None) -> list[RunRecord]:
    statement = select(runs).order_by(runs.c.created.desc(), runs.c.id.desc()).limit(limit)
    return database.read(lambda connection: [_record(row) for row in connection.execute(statement)])


def marks(database: Database) -> list[RunMark]:
    """All runs in brief, the oldest first. A configuration may name a million tasks: one is in memory at a time."""
    statement = select(runs.c.id, runs.c.config).order_by(runs.c.created, runs.c.id)
    streamed = statement.execution_options(stream_results=True)

    def read(connection: Connection) -> list[RunMark]:
        return [
            RunMark(run_id, config["suite"], config["split"], config["feedback"] == "oracle")
            for run_id, config in connection.execute(streamed)
        ]

    return database.read(read)


def end(database: Database, run_id: str, status: RunStatus) -> None:
    finished = None if status == "running" else time.time()
    statement = update(runs).where(runs.c.id == run_id).values(status=status, finished=finished)
    if database.write(lambda connection: connection.execute(statement).rowcount) != 1:
        raise StoreError(f"there is no run {run_id!r} to end: create it first")


def _find(connection: Connection, ref: str) -> RunRecord:
    exact = select(runs).where(or_(runs.c.id == ref, runs.c.name == ref)).order_by((runs.c.id == ref).desc())
    row = connection.execute(exact).first()
    if row is not None:
        return _record(row)
    begins = select(runs).where(runs.c.id.startswith(ref, autoescape=True)).order_by(runs.c.created.desc())
    rows = connection.execute(begins.limit(MANY + 1)).all() if ref else []
    if len(rows) == 1:
        return _record(rows[0])
    if rows:
        shown = ", ".join(_label(row) for row in rows[:MANY]) + (", …" if len(rows) > MANY else "")
        raise UsageError(f"run {ref!r} is ambiguous: it begins {shown}: give more letters")
    rows = connection.execute(select(runs.c.id, runs.c.name).order_by(runs.c.created.desc())).all()
    names = [text for row in rows for text in row if text]
    near = get_close_matches(ref, names, n=3, cutoff=0.5)
    raise unknown_name("run", ref, near or [_label(row) for row in rows[:MANY]])


def _label(row: Row[Any]) -> str:
    return f"{row.id} ({row.name})" if row.name else row.id


def _taken(connection: Connection, record: RunRecord) -> UsageError | StoreError:
    holder = connection.execute(select(runs.c.id).where(runs.c.name == record.name)).scalar()
    if holder is None:
        return StoreError(f"the run id {record.id} was drawn twice: try again")
    return UsageError(f"the name {record.name!r} belongs to run {holder}: choose another, or resume that run")


def _record(row: Row[Any]) -> RunRecord:
    return RunRecord.model_validate(dict(row._mapping))
