"""Data sets as they were exported: what is known of each, and the attempts that each of their rows was made from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select, update

from reflexa.errors import unknown_name
from reflexa.memory.database import Database
from reflexa.memory.lineage.schema import dataset_sources, datasets
from reflexa.rows import DatasetRecord, Lineage

ROWS_AT_ONCE = 2000
"""Rows whose sources are committed together: a long recording leaves other writers their turn."""
_WHERE = dataset_sources.c


class AttemptKey(NamedTuple):
    """What names one recorded attempt."""

    run: str
    task: str
    attempt: int


def record(database: Database, made: DatasetRecord, lineages: Iterable[Lineage]) -> None:
    """Records a data set and the sources of its rows, in the order of the rows.

    Recording the same one again changes nothing. One whose recording was broken off is unknown to ``newest`` and
    ``find``, and is completed when it is recorded again.
    """
    row = made.model_dump() | {"complete": False}
    database.write(
        lambda connection: connection.execute(database.insert(datasets).on_conflict_do_nothing(), row),
    )
    numbered = enumerate(lineages)
    while batch := list(islice(numbered, ROWS_AT_ONCE)):
        database.write(partial(_add, database=database, dataset_id=made.id, batch=batch))
    done = update(datasets).where(datasets.c.id == made.id).values(complete=True)
    database.write(lambda connection: connection.execute(done))


def newest(database: Database, limit: int | None) -> list[DatasetRecord]:
    """The data sets, newest first."""
    statement = select(datasets).where(datasets.c.complete).order_by(datasets.c.created.desc(), datasets.c.id)
    return database.read(lambda connection: [_record(row) for row in connection.execute(statement.limit(limit))])


def find(database: Database, dataset_id: str) -> DatasetRecord:
    """The data set of this id. Raises ``UsageError`` with near matches."""
    statement = select(datasets).where(datasets.c.complete, datasets.c.id == dataset_id)
    row = database.read(lambda connection: connection.execute(statement).one_or_none())
    if row is None:
        raise unknown_name("data set", dataset_id, [known.id for known in newest(database, None)])
    return _record(row)


def sources(database: Database, dataset_id: str, row: int) -> list[AttemptKey]:
    """The attempts that one row, counted from 0, was made from, in the row's own order."""
    statement = (
        select(_WHERE.run_id, _WHERE.task_id, _WHERE.attempt)
        .where(_WHERE.dataset_id == dataset_id, _WHERE.row == row)
        .order_by(_WHERE.idx)
    )
    return database.read(lambda connection: [AttemptKey(*found) for found in connection.execute(statement)])


def rows_from(database: Database, source: AttemptKey) -> list[tuple[str, int]]:
    """The rows that were made from an attempt: data set and number, counted from 0."""
    statement = (
        select(_WHERE.dataset_id, _WHERE.row)
        .join(datasets, datasets.c.id == _WHERE.dataset_id)
        .where(datasets.c.complete, _WHERE.run_id == source.run)
        .where(_WHERE.task_id == source.task, _WHERE.attempt == source.attempt)
        .distinct()
        .order_by(_WHERE.dataset_id, _WHERE.row)
    )
    return database.read(lambda connection: [(found.dataset_id, found.row) for found in connection.execute(statement)])


def _add(connection: Connection, database: Database, dataset_id: str, batch: list[tuple[int, Lineage]]) -> None:
    connection.execute(database.insert(dataset_sources).on_conflict_do_nothing(), list(_source_rows(dataset_id, batch)))


def _source_rows(dataset_id: str, batch: list[tuple[int, Lineage]]) -> Iterator[dict[str, Any]]:
    for number, lineage in batch:
        for idx, source in enumerate(lineage.sources):
            yield {
                "dataset_id": dataset_id,
                "row": number,
                "idx": idx,
                "run_id": source.run,
                "task_id": source.task,
                "attempt": source.attempt,
            }


def _record(row: Row[Any]) -> DatasetRecord:
    return DatasetRecord.model_validate({name: row._mapping[name] for name in DatasetRecord.model_fields})
