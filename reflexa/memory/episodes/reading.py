"""Queries: each reads one snapshot, and what may be large is read a page at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, and_, exists, func, select

from reflexa.memory.database import Database
from reflexa.memory.episodes import decoding
from reflexa.memory.episodes.schema import calls, episodes, runs, tasks
from reflexa.memory.episodes.schema import reflections as lessons
from reflexa.memory.lineage.schema import retractions
from reflexa.types import Call, CallContext, Episode, Reflection

PAGE = 32
"""Episodes or calls in memory at a time."""


@dataclass(frozen=True)
class Chosen:
    """Which reflections are meant; None means any. ``sound`` leaves out those that were retracted."""

    run_id: str | None = None
    task_id: str | None = None
    suite: str | None = None
    sound: bool = False


class Standing(NamedTuple):
    """How many of a run's tasks have ended, and how."""

    solved: int
    failed: int
    errors: int


def call(database: Database, run_id: str, context: CallContext) -> Call | None:
    statement = select(calls).where(
        calls.c.run_id == run_id,
        calls.c.task_id == context.task_id,
        calls.c.purpose == context.purpose,
        calls.c.attempt == context.attempt,
        calls.c.sample == context.sample,
    )

    def read(connection: Connection) -> list[Call]:
        return decoding.load_calls(connection, connection.execute(statement).all())

    found = database.read(read)
    return found[0] if found else None


def all_calls(database: Database, run_id: str, task_id: str | None) -> Iterator[Call]:
    if task_id is not None:
        yield from database.read(partial(_calls_of_task, run_id=run_id, task_id=task_id))
        return
    last: int | None = 0
    while last is not None:
        ours = calls.c.run_id == run_id, calls.c.seq > last
        statement = select(calls).where(*ours).order_by(calls.c.seq).limit(PAGE)
        page, last = database.read(partial(_page_of_calls, statement=statement))
        yield from page


def progress(database: Database, run_id: str, task_id: str) -> Episode | None:
    found = database.read(partial(decoding.load_episodes, run_id=run_id, task_ids=[task_id]))
    return found[0] if found else None


def begun(database: Database, run_id: str) -> set[str]:
    statement = select(episodes.c.task_id).where(episodes.c.run_id == run_id)
    return database.read(lambda connection: set(connection.execute(statement).scalars()))


def finished(database: Database, run_id: str) -> set[str]:
    statement = select(episodes.c.task_id).where(
        episodes.c.run_id == run_id, episodes.c.ended.is_not(None), episodes.c.error.is_(None)
    )
    return database.read(lambda connection: set(connection.execute(statement).scalars()))


def standing(database: Database, run_id: str) -> Standing:
    ended = episodes.c.run_id == run_id, episodes.c.ended.is_not(None)
    broken = episodes.c.error.is_not(None)
    statement = select(broken, episodes.c.solved, func.count()).where(*ended).group_by(broken, episodes.c.solved)
    counts = {"solved": 0, "failed": 0, "errors": 0}
    for error, solved, count in database.read(lambda connection: connection.execute(statement).all()):
        counts["errors" if error else "solved" if solved else "failed"] += count
    return Standing(**counts)


def all_episodes(database: Database, run_id: str, task_id: str | None) -> Iterator[Episode]:
    names = database.read(partial(_ended, run_id=run_id, task_id=task_id))
    for start in range(0, len(names), PAGE):
        page = names[start : start + PAGE]
        yield from database.read(partial(decoding.load_episodes, run_id=run_id, task_ids=page))


def reflections(database: Database, chosen: Chosen, limit: int | None) -> list[Reflection]:
    """Newest first."""
    statement = select(lessons).order_by(lessons.c.seq.desc()).limit(limit)
    if chosen.run_id is not None:
        statement = statement.where(lessons.c.run_id == chosen.run_id)
    if chosen.task_id is not None:
        statement = statement.where(lessons.c.task_id == chosen.task_id)
    if chosen.sound:
        marked = and_(retractions.c.kind == "reflection", retractions.c.ref == lessons.c.id)
        statement = statement.where(~exists().where(marked))
    if chosen.suite is not None:
        episode = and_(episodes.c.run_id == lessons.c.run_id, episodes.c.task_id == lessons.c.task_id)
        task = tasks.c.digest == episodes.c.task_digest
        statement = statement.join(episodes, episode).join(tasks, task).where(tasks.c.suite == chosen.suite)
    return database.read(
        lambda connection: [decoding.reflection(row) for row in connection.execute(statement)],
    )


def _calls_of_task(connection: Connection, run_id: str, task_id: str) -> list[Call]:
    """A task has few calls. Ordered here: asked to order, SQLite would walk through the whole run's."""
    statement = select(calls).where(calls.c.run_id == run_id, calls.c.task_id == task_id)
    rows = sorted(connection.execute(statement), key=lambda row: row.seq)
    return decoding.load_calls(connection, rows)


def _page_of_calls(connection: Connection, statement: Select[Any]) -> tuple[list[Call], int | None]:
    """The calls, and after which one the next page begins; None where there is none."""
    rows = connection.execute(statement).all()
    return decoding.load_calls(connection, rows), rows[-1].seq if len(rows) == PAGE else None


def _ended(connection: Connection, run_id: str, task_id: str | None) -> list[str]:
    """The tasks whose episodes have ended: in the order of the run's configuration, then as people count."""
    statement = select(episodes.c.task_id).where(episodes.c.run_id == run_id, episodes.c.ended.is_not(None))
    if task_id is not None:
        statement = statement.where(episodes.c.task_id == task_id)
    config = connection.execute(select(runs.c.config).where(runs.c.id == run_id)).scalar()
    place = {name: index for index, name in enumerate(config["task_ids"] if config else ())}
    names = connection.execute(statement).scalars()
    return sorted(names, key=lambda name: (place.get(name, len(place)), _natural(name)))


def _natural(name: str) -> list[tuple[int, int, str]]:
    """A sort key by which HumanEval/2 comes before HumanEval/10."""
    return [(0, int(part), part) if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", name)]
