"""Recorded attempts by task, over many runs: what training rows are made of, read a piece at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, exists, func, or_, select

from reflexa.memory.database import Database
from reflexa.memory.episodes import decoding
from reflexa.memory.episodes.schema import attempts, episodes, runs, tasks
from reflexa.types import Episode, Task

TASKS_AT_ONCE = 100
"""Tasks whose episodes are looked up together: well below the 999 parameters that SQLite takes at least."""
ATTEMPTS_AT_ONCE = 256
"""Attempts in memory at a time, but never less than one task's."""
RUNS_AT_MOST = 500
"""Runs that a selection may name, for the same reason."""


@dataclass(frozen=True)
class Selection:
    """Which ended episodes are meant; None, and no runs, mean any."""

    runs: tuple[str, ...] = ()
    suite: str | None = None
    split: str | None = None


@dataclass(frozen=True)
class TaskAttempts:
    """All that was selected of one task: its ended episodes with their runs' ids, the oldest run first."""

    task: Task
    episodes: tuple[tuple[str, Episode], ...]


@dataclass(frozen=True)
class _Found:
    """One task's episodes before they are loaded: the runs in their order, and how many attempts these made."""

    digest: str
    task: Task
    runs: tuple[str, ...]
    attempts: int


class _Episode(NamedTuple):
    run_id: str
    attempts: int


def gather(database: Database, selection: Selection) -> Iterator[TaskAttempts]:
    """The selected tasks in the order of their ids, streamed. A task whose content changed comes once per content."""
    last: _Found | None = None
    while page := database.read(partial(_page, selection=selection, after=last)):
        last = page[-1]
        for chunk in _chunks(page):
            yield from database.read(partial(_load, chunk=chunk))


def count(database: Database, selection: Selection) -> int:
    """How many tasks ``gather`` gives."""
    statement = select(func.count()).select_from(tasks).where(*_chosen(selection))
    return database.read(lambda connection: connection.execute(statement).scalar_one())


def all_tasks(database: Database, split: str) -> Iterator[Task]:
    """Every task of a split that any run ever met, in the order of their digests, streamed."""
    last: str | None = ""
    while last is not None:
        statement = select(tasks).where(tasks.c.split == split, tasks.c.digest > last)
        statement = statement.order_by(tasks.c.digest).limit(TASKS_AT_ONCE)
        page = database.read(partial(_rows, statement=statement))
        yield from (Task.model_validate(row.body) for row in page)
        last = page[-1].digest if page else None


def _rows(connection: Connection, statement: Select[Any]) -> Sequence[Row[Any]]:
    return connection.execute(statement).all()


def _chosen(selection: Selection) -> Iterator[ColumnElement[bool]]:
    """The conditions on a task: its suite and split, and that a selected episode of it has ended."""
    if selection.suite is not None:
        yield tasks.c.suite == selection.suite
    if selection.split is not None:
        yield tasks.c.split == selection.split
    yield exists().where(episodes.c.task_id == tasks.c.id, episodes.c.task_digest == tasks.c.digest, *_ended(selection))


def _ended(selection: Selection) -> Iterator[ColumnElement[bool]]:
    yield episodes.c.ended.is_not(None)
    if selection.runs:
        yield episodes.c.run_id.in_(selection.runs)


def _page(connection: Connection, selection: Selection, after: _Found | None) -> list[_Found]:
    """The next tasks behind ``after``, with the episodes that are selected of them."""
    statement = select(tasks).where(*_chosen(selection)).order_by(tasks.c.id, tasks.c.digest).limit(TASKS_AT_ONCE)
    if after is not None:
        later = and_(tasks.c.id == after.task.id, tasks.c.digest > after.digest)
        statement = statement.where(tasks.c.id >= after.task.id, or_(tasks.c.id > after.task.id, later))
    rows = connection.execute(statement).all()
    found = _episodes_of(connection, [row.id for row in rows], selection)
    return [
        _Found(
            digest=row.digest,
            task=Task.model_validate(row.body),
            runs=tuple(each.run_id for each in found[row.digest]),
            attempts=sum(each.attempts for each in found[row.digest]),
        )
        for row in rows
    ]


def _episodes_of(connection: Connection, task_ids: Sequence[str], selection: Selection) -> Mapping[str, list[_Episode]]:
    """The selected episodes by their task's digest, the oldest run first."""
    made = (
        select(func.count())
        .where(attempts.c.run_id == episodes.c.run_id, attempts.c.task_id == episodes.c.task_id)
        .scalar_subquery()
    )
    statement = (
        select(episodes.c.task_digest, episodes.c.run_id, made.label("attempts"))
        .join(runs, runs.c.id == episodes.c.run_id)
        .where(episodes.c.task_id.in_(task_ids), *_ended(selection))
        .order_by(runs.c.created, runs.c.id)
    )
    grouped: defaultdict[str, list[_Episode]] = defaultdict(list)
    for digest, run_id, n in connection.execute(statement):
        grouped[digest].append(_Episode(run_id, n))
    return grouped


def _chunks(page: Sequence[_Found]) -> Iterator[list[_Found]]:
    """Tasks that are loaded together."""
    chunk: list[_Found] = []
    for found in page:
        if chunk and sum(each.attempts for each in (*chunk, found)) > ATTEMPTS_AT_ONCE:
            yield chunk
            chunk = []
        chunk.append(found)
    yield chunk


def _load(connection: Connection, chunk: Sequence[_Found]) -> list[TaskAttempts]:
    wanted: defaultdict[str, list[str]] = defaultdict(list)
    for found in chunk:
        for run_id in found.runs:
            wanted[run_id].append(found.task.id)
    loaded = {
        (run_id, episode.task.id): episode
        for run_id, task_ids in wanted.items()
        for episode in decoding.load_episodes(connection, run_id, task_ids)
    }
    return [
        TaskAttempts(found.task, tuple((run_id, loaded[run_id, found.task.id]) for run_id in found.runs))
        for found in chunk
    ]
