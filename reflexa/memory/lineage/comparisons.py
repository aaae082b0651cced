"""AI preferences between recorded attempts: what a judge said of two answers to one task."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, Select, and_, or_, select

from reflexa.memory.database import Database
from reflexa.memory.lineage.nodes import LabelKey
from reflexa.memory.lineage.schema import comparisons, dataset_sources
from reflexa.rows import Comparison

_KEY = ("run_id", "task_id", "a", "b", "standards", "version")
_COLUMNS = {"run": "run_id", "task": "task_id", "by": "standards"}
"""What the columns are called whose names say more in a row of their own; ``by`` means something to SQL."""
_C = comparisons.c
KEY = (_C.run_id, _C.task_id, _C.a, _C.b, _C.standards, _C.version)
"""What a ``LabelKey`` is read from."""
CHOSEN, _REJECTED = dataset_sources.alias("chosen"), dataset_sources.alias("rejected")
"""The sources of a row that a label made: the better answer, then the other one."""


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
    return database.read(lambda connection: [decode(row) for row in connection.execute(statement)])


def key_of(label: Comparison) -> LabelKey:
    return LabelKey(label.run, label.task, label.a, label.b, label.by, label.version)


def where_key(key: LabelKey) -> Any:
    """The condition that a row of the table is the label of this key."""
    return and_(*(column == value for column, value in zip(KEY, key, strict=True)))


def decode(row: Row[Any]) -> Comparison:
    """A label from a whole row of the table."""
    return Comparison.model_validate({name: row._mapping[_COLUMNS.get(name, name)] for name in Comparison.model_fields})


def learnt() -> Select[Any]:
    """Labels by their keys, with the data sets that have a row of their two answers, the better one first.

    Whether a label made that row, or a verdict, the data set's options tell: ``makes``. ``CHOSEN`` has the row.
    """
    first, second = CHOSEN.c, _REJECTED.c
    of_task = and_(first.run_id == _C.run_id, first.task_id == _C.task_id, first.idx == 0)
    same_row = and_(second.dataset_id == first.dataset_id, second.row == first.row, second.idx == 1)
    ordered = or_(
        and_(_C.a == first.attempt, _C.b == second.attempt, _C.probability > 0.5),
        and_(_C.b == first.attempt, _C.a == second.attempt, _C.probability < 0.5),
    )
    joined = select(*KEY, first.dataset_id).join_from(comparisons, CHOSEN, of_task).join(_REJECTED, same_row)
    return joined.where(ordered, _C.consistency > 0).distinct().order_by(*KEY, first.dataset_id)


def makes(by: str, labels: object) -> bool:
    """Whether a data set that was exported with the option ``labels`` has rows of this judge's: None is by verdicts."""
    return labels in ("all", by)
