"""What may be deleted, kind by kind: only what was named, and nothing that something else still refers to.

Attempts, verdicts and reflections are never deleted: data sets, lessons and figures came from them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple, get_args

from sqlalchemy import Connection, Select, and_, delete, exists, func, or_, select

from reflexa.errors import StoreError
from reflexa.memory.database import Database
from reflexa.memory.episodes.schema import attempts, bodies, calls, runs
from reflexa.memory.lessons.schema import embeddings, lesson_sources, lesson_uses, lesson_versions, lessons
from reflexa.memory.lineage.schema import retractions
from reflexa.memory.sharing.claims import LEASE_SECONDS
from reflexa.memory.sharing.schema import claims

PruneKind = Literal["unused", "dropped", "calls", "texts"]
"""Lessons that were never recalled; dropped and merged ones; model calls of runs that ended; texts nobody names."""
AT_ONCE = 500
_PAGE = 5_000
_OF_LESSONS = (embeddings, lesson_sources, lesson_versions)


class Pruned(NamedTuple):
    """How many rows of a kind go, and about how many bytes of text are in them."""

    kind: PruneKind
    rows: int
    bytes: int


def prune(database: Database, kinds: Sequence[PruneKind], older: float, *, dry_run: bool) -> list[Pruned]:
    """Deletes what is of these kinds and older than so many seconds, or says only what would go.

    Calls come before the texts that they alone name. Raises ``StoreError`` where a run is under way: it may be about
    to name a text that nobody else does.
    """
    before = time.time() - older
    ordered = [kind for kind in get_args(PruneKind) if kind in kinds]
    if not dry_run and {"calls", "texts"} & set(ordered):
        database.read(_nobody_at_work)
    return [_prune(database, kind, before, dry_run) for kind in ordered]


def _prune(database: Database, kind: PruneKind, before: float, dry_run: bool) -> Pruned:
    if kind == "texts":
        return _prune_texts(database, dry_run)
    chosen: Select[Any] = _old_calls(before) if kind == "calls" else _old_lessons(kind, before)
    counted = chosen.subquery()
    size = func.coalesce(func.sum(func.length(counted.c.text)), 0)
    total = select(func.count(), size).select_from(counted)
    rows, size_of = database.read(lambda connection: connection.execute(total).one())
    while not dry_run and database.write(partial(_delete_some, kind=kind, chosen=chosen.limit(AT_ONCE))):
        pass
    return Pruned(kind, rows, int(size_of))


def _old_lessons(kind: PruneKind, before: float) -> Select[Any]:
    """Lessons that no episode was offered, no other lesson was merged into, and no retraction speaks of."""
    statuses = ("active", "quarantined") if kind == "unused" else ("dropped", "merged")
    other = lessons.alias()
    return select(lessons.c.id, lessons.c.text).where(
        lessons.c.status.in_(statuses),
        lessons.c.created < before,
        ~exists().where(lesson_uses.c.lesson_id == lessons.c.id),
        ~exists().where(other.c.successor == lessons.c.id),
        ~exists().where(or_(retractions.c.ref == lessons.c.id, retractions.c.root == lessons.c.id)),
    )


def _old_calls(before: float) -> Select[Any]:
    """Calls of runs that ended as they should: no other can be resumed with them."""
    ended = and_(runs.c.status == "finished", runs.c.finished < before)
    text = calls.c.messages.label("text")
    return select(calls.c.seq, text).join(runs, runs.c.id == calls.c.run_id).where(ended)


def _delete_some(connection: Connection, kind: PruneKind, chosen: Select[Any]) -> int:
    """Deletes the next rows; how many."""
    ids = list(connection.execute(chosen).scalars())
    if kind == "calls":
        connection.execute(delete(calls).where(calls.c.seq.in_(ids)))
    else:
        for table in _OF_LESSONS:
            connection.execute(delete(table).where(table.c.lesson_id.in_(ids)))
        connection.execute(delete(lessons).where(lessons.c.id.in_(ids)))
    return len(ids)


def _prune_texts(database: Database, dry_run: bool) -> Pruned:
    """Deletes the bodies that no call and no attempt names."""
    named = database.read(_named)
    rows = size = 0
    last: str | None = ""
    while last is not None:
        page = select(bodies.c.digest, func.length(bodies.c.body).label("size")).where(bodies.c.digest > last)
        found = database.read(partial(_page, statement=page.order_by(bodies.c.digest).limit(_PAGE)))
        last = found[-1][0] if found else None
        gone = [(digest, length) for digest, length in found if digest not in named]
        rows, size = rows + len(gone), size + sum(length for _, length in gone)
        for start in range(0, 0 if dry_run else len(gone), AT_ONCE):
            part = [digest for digest, _ in gone[start : start + AT_ONCE]]
            database.write(partial(_delete_bodies, digests=part))
    return Pruned("texts", rows, size)


def _named(connection: Connection) -> set[str]:
    """The digests that calls and attempts name."""
    named: set[str] = set()
    for table in (calls, attempts):
        statement = select(table.c.messages, table.c.completion).execution_options(stream_results=True)
        for row in connection.execute(statement):
            named.update(pair[1] for pair in row.messages)
            named.add(row.completion)
    return named


def _page(connection: Connection, statement: Select[tuple[str, int]]) -> list[tuple[str, int]]:
    return [(row.digest, row.size) for row in connection.execute(statement)]


def _delete_bodies(connection: Connection, digests: Iterable[str]) -> None:
    connection.execute(delete(bodies).where(bodies.c.digest.in_(digests)))


def _nobody_at_work(connection: Connection) -> None:
    """Raises ``StoreError`` where a process works on a run: it remembers which texts are stored already."""
    at_work = select(claims.c.run_id).where(claims.c.renewed > time.time() - LEASE_SECONDS)
    run_id = connection.execute(at_work.limit(1)).scalar()
    if run_id is not None:
        raise StoreError(f"run {run_id} is under way: wait for it or stop it, then prune calls and texts")
