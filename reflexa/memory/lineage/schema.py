"""The tables of what was made from episodes: data sets, trainings, circles of them, and what was retracted."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, ForeignKeyConstraint, Index, Integer, Table

from reflexa.memory.columns import LosslessJSON, LosslessText, Real, metadata
from reflexa.memory.episodes.schema import ATTEMPT_KEY, OF_ATTEMPT

datasets = Table(
    "datasets",
    metadata,
    Column("id", LosslessText, primary_key=True),
    Column("kind", LosslessText, nullable=False),
    Column("format", LosslessText, nullable=False),
    Column("hash", LosslessText, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("config", LosslessJSON, nullable=False),
    Column("counts", LosslessJSON, nullable=False),
    Column("path", LosslessText, nullable=False),
    Column("created", Real, nullable=False),
    Column("complete", Boolean, nullable=False),
    Index("datasets_created", "created"),
)

dataset_sources = Table(
    "dataset_sources",
    metadata,
    Column("dataset_id", LosslessText, ForeignKey("datasets.id"), primary_key=True),
    Column("row", Integer, primary_key=True, autoincrement=False),
    Column("idx", Integer, primary_key=True, autoincrement=False),
    Column("run_id", LosslessText, nullable=False),
    Column("task_id", LosslessText, nullable=False),
    Column("attempt", Integer, nullable=False),
    ForeignKeyConstraint(OF_ATTEMPT, ATTEMPT_KEY),
    Index("dataset_sources_attempt", *OF_ATTEMPT),
)

trainings = Table(
    "trainings",
    metadata,
    Column("id", LosslessText, primary_key=True),
    Column("algorithm", LosslessText, nullable=False),
    Column("model", LosslessText, nullable=False),
    Column("config", LosslessJSON, nullable=False),
    Column("datasets", LosslessJSON, nullable=False),
    Column("status", LosslessText, nullable=False),
    Column("created", Real, nullable=False),
    Column("finished", Real),
    Column("checkpoint", LosslessText),
    Column("loss", Real),
    Index("trainings_created", "created"),
)

training_steps = Table(
    "training_steps",
    metadata,
    Column("training_id", LosslessText, ForeignKey("trainings.id"), primary_key=True),
    Column("step", Integer, primary_key=True, autoincrement=False),
    Column("report", LosslessJSON, nullable=False),
)

checkpoint_points = Table(
    "checkpoint_points",
    metadata,
    Column("training_id", LosslessText, ForeignKey("trainings.id"), primary_key=True),
    Column("step", Integer, primary_key=True, autoincrement=False),
    Column("path", LosslessText, nullable=False),
    Column("kl", Real, nullable=False),
    Column("proxy_reward", Real, nullable=False),
    Column("true_reward", Real),
    Column("n", Integer, nullable=False),
    Column("rewards", LosslessJSON, nullable=False),
)

comparisons = Table(
    "comparisons",
    metadata,
    Column("run_id", LosslessText, primary_key=True),
    Column("task_id", LosslessText, primary_key=True),
    Column("a", Integer, primary_key=True, autoincrement=False),
    Column("b", Integer, primary_key=True, autoincrement=False),
    Column("standards", LosslessText, primary_key=True),
    Column("version", LosslessText, primary_key=True),
    Column("judge", LosslessText, nullable=False),
    Column("probability", Real, nullable=False),
    Column("consistency", Real, nullable=False),
    Column("principles", LosslessJSON, nullable=False),
    Column("created", Real, nullable=False),
    ForeignKeyConstraint(["run_id", "task_id", "a"], ATTEMPT_KEY),
    ForeignKeyConstraint(["run_id", "task_id", "b"], ATTEMPT_KEY),
)

improvements = Table(
    "improvements",
    metadata,
    Column("id", LosslessText, primary_key=True),
    Column("created", Real, nullable=False),
    Column("ledger", LosslessJSON, nullable=False),
    Index("improvements_created", "created"),
)

retractions = Table(
    "retractions",
    metadata,
    Column("kind", LosslessText, primary_key=True),
    Column("ref", LosslessText, primary_key=True),
    Column("root", LosslessText, primary_key=True),
    Column("reason", LosslessText, nullable=False),
    Column("created", Real, nullable=False),
    Index("retractions_root", "root"),
)
