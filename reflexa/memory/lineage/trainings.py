"""Training runs and circles of them: what each was made from, what its steps reported, what it made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, select

from reflexa.errors import unknown_name
from reflexa.memory.database import Database
from reflexa.memory.lineage.schema import checkpoint_points, improvements, training_steps, trainings
from reflexa.rows import CheckpointPoint, TrainingRecord


def record(database: Database, training: TrainingRecord) -> None:
    """Writes a training run as it now is, over what was known of it."""
    row = training.model_dump(mode="json")
    statement = database.insert(trainings)
    changed = {name: statement.excluded[name] for name in row if name != "id"}
    database.write(
        lambda connection: connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changed), row)
    )


def record_steps(database: Database, training_id: str, reports: Mapping[int, Mapping[str, Any]]) -> None:
    """Writes what steps, counted from 1, reported; a step that was done again replaces what it had said."""
    rows = [
        {"training_id": training_id, "step": step, "report": dict(report)} for step, report in sorted(reports.items())
    ]
    if not rows:
        return
    statement = database.insert(training_steps)
    again = statement.on_conflict_do_update(
        index_elements=["training_id", "step"], set_={"report": statement.excluded.report}
    )
    database.write(lambda connection: connection.execute(again, rows))


def newest(database: Database, limit: int | None) -> list[TrainingRecord]:
    """The training runs, newest first."""
    statement = select(trainings).order_by(trainings.c.created.desc(), trainings.c.id).limit(limit)
    return database.read(lambda connection: [_record(row) for row in connection.execute(statement)])


def find(database: Database, training_id: str) -> TrainingRecord:
    """The training run of this id. Raises ``UsageError`` with near matches."""
    statement = select(trainings).where(trainings.c.id == training_id)
    row = database.read(lambda connection: connection.execute(statement).one_or_none())
    if row is None:
        raise unknown_name("training run", training_id, [known.id for known in newest(database, None)])
    return _record(row)


def steps(database: Database, training_id: str) -> Sequence[Mapping[str, Any]]:
    """What a run's steps reported, in their order."""
    statement = (
        select(training_steps.c.report)
        .where(training_steps.c.training_id == training_id)
        .order_by(training_steps.c.step)
    )
    return database.read(lambda connection: [row.report for row in connection.execute(statement)])


def record_points(database: Database, training_id: str, points: Sequence[CheckpointPoint]) -> None:
    """Writes what a run's checkpoints were worth; a checkpoint that is measured again replaces what was known."""
    rows = [
        {"training_id": training_id, "proxy_reward": point.proxy, "true_reward": point.true}
        | point.model_dump(exclude={"proxy", "true"})
        for point in points
    ]
    if not rows:
        return
    statement = database.insert(checkpoint_points)
    keys = [column.name for column in checkpoint_points.primary_key]
    changed = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    again = statement.on_conflict_do_update(index_elements=keys, set_=changed)
    database.write(lambda connection: connection.execute(again, rows))


def points_of(database: Database, training_id: str) -> list[CheckpointPoint]:
    """What a run's checkpoints were worth, in the order of their steps."""
    columns = checkpoint_points.c
    statement = (
        select(
            columns.step,
            columns.path,
            columns.kl,
            columns.proxy_reward.label("proxy"),
            columns.true_reward.label("true"),
            columns.n,
            columns.rewards,
        )
        .where(columns.training_id == training_id)
        .order_by(columns.step)
    )
    return database.read(
        lambda connection: [CheckpointPoint.model_validate(dict(row._mapping)) for row in connection.execute(statement)]
    )


def record_improvement(database: Database, improvement_id: str, created: float, ledger: Mapping[str, Any]) -> None:
    """Writes a circle's ledger as it now is, over what was known of it."""
    statement = database.insert(improvements)
    again = statement.on_conflict_do_update(index_elements=["id"], set_={"ledger": statement.excluded.ledger})
    row = {"id": improvement_id, "created": created, "ledger": dict(ledger)}
    database.write(lambda connection: connection.execute(again, row))


def find_improvement(database: Database, improvement_id: str) -> Mapping[str, Any]:
    """The ledger of this circle. Raises ``UsageError`` with near matches."""
    statement = select(improvements.c.id, improvements.c.ledger).order_by(improvements.c.created.desc())
    known = {row.id: row.ledger for row in database.read(lambda connection: connection.execute(statement).all())}
    if improvement_id not in known:
        raise unknown_name("improvement", improvement_id, known)
    found: Mapping[str, Any] = known[improvement_id]
    return found


def _record(row: Row[Any]) -> TrainingRecord:
    return TrainingRecord.model_validate({name: row._mapping[name] for name in TrainingRecord.model_fields})
