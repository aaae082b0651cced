"""Trained models as the database knows them: which training made each, and what that had begun with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, select

from reflexa.memory.lineage import finding, retracting
from reflexa.memory.lineage.nodes import Node
from reflexa.memory.lineage.schema import trainings
from reflexa.types import Frozen


class TrainedModel(Frozen):
    """A checkpoint that a training run made.

    ``ancestry`` names the trainings that it came from, its own first, and at the end the model that all began with.
    ``there`` tells whether its folder still is; ``retracted`` why it is not to be used any more.
    """

    training: str
    algorithm: str
    checkpoint: str
    ancestry: tuple[str, ...]
    loss: float | None = None
    created: float = 0.0
    there: bool = True
    retracted: str | None = None


def trained(connection: Connection, limit: int | None) -> list[TrainedModel]:
    """The models that finished trainings made, the newest first."""
    statement = select(trainings).where(trainings.c.checkpoint.is_not(None))
    rows = connection.execute(statement.order_by(trainings.c.created.desc(), trainings.c.id).limit(limit)).all()
    marks = retracting.find(connection, [Node("training", row.id) for row in rows])
    return [
        TrainedModel(
            training=row.id,
            algorithm=row.algorithm,
            checkpoint=row.checkpoint,
            ancestry=tuple(_ancestry(connection, row.id)),
            loss=row.loss,
            created=row.created,
            there=Path(row.checkpoint).exists(),
            retracted=None if (mark := marks.get(Node("training", row.id))) is None else mark.words,
        )
        for row in rows
    ]


def _ancestry(connection: Connection, training: str | None) -> Iterator[str]:
    """Training by training back to a model that none of them made."""
    told: set[str] = set()
    while training is not None and training not in told:
        told.add(training)
        yield training
        model = connection.execute(select(trainings.c.model).where(trainings.c.id == training)).scalar_one()
        training = finding.training_of(connection, model)
        if training is None:
            yield model
