"""AI preferences between recorded attempts: what a judge said of two answers to one task."""

from __future__ import annotations

from sqlalchemy import select

from reflexa.memory.database import Database
from reflexa.memory.lineage.schema import comparisons
from reflexa.rows import Comparison

_KEY = ("run_id", "task_id", "a", "b", "standards", "version")
_COLUMNS = {"run": "run_id", "task": "task_id", "by": "standards"}
"""What the columns are called whose names say more in a row of their own; ``by`` means something to SQL."""


def record(database: Database, comparison: Comparison) -> None:
    """Writes a label; the same judge's new label of the same pair takes the old one's place."""
    row = {_COLUMNS.get(name, name): value for name, value in comparison.model_dump(mode="json").items()}
    insert = database.insert(comparisons)
    changed = {name: insert.excluded[name] for name in row if name not in _KEY}
    statement = insert.on_conflict_do_update(index_elements=list(_KEY), set_=changed)
    database.write(lambda connection: connection.execute(statement, row))


def of_run(database: Database, run_id: str, task_id: str | None = None) -> list[Comparison]:
    """The labels of a run's answers, or of those to one task, in the order of tasks and attempts."""
    columns = comparisons.c
    statement = select(comparisons).where(columns.run_id == run_id)
    if task_id is not None:
        statement = statement.where(columns.task_id == task_id)
    statement = statement.order_by(columns.task_id, columns.a, columns.b, columns.standards, columns.version)
    rows = database.read(lambda connection: list(connection.execute(statement)))
    return [
        Comparison.model_validate({name: row._mapping[_COLUMNS.get(name, name)] for name in Comparison.model_fields})
        for row in rows
    ]
