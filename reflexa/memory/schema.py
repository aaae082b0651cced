"""The tables, as the newest migration leaves them.

Rows are keyed by what they are about (run, task, attempt), so that writing the same thing twice changes nothing.
Long texts that occur many times over, such as prompts and completions, stand once in ``bodies`` under their digest.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    UniqueConstraint,
)

from reflexa.memory import lesson_schema as lesson_schema
from reflexa.memory.columns import BigInt, LosslessJSON, LosslessText, Real
from reflexa.memory.columns import metadata as metadata

HEAD = "0010"
"""The newest migration: a database at it needs no alembic."""

runs = Table(
    "runs",
    metadata,
    Column("id", LosslessText, primary_key=True),
    Column("name", LosslessText, unique=True),
    Column("config", LosslessJSON, nullable=False),
    Column("status", LosslessText, nullable=False),
    Column("baseline_of", LosslessText),
    Column("created", Real, nullable=False),
    Column("finished", Real),
    Column("code_version", LosslessText, nullable=False),
    Column("packages", LosslessJSON, nullable=False),
    Index("runs_created", "created"),
)

claims = Table(
    "claims",
    metadata,
    Column("token", LosslessText, primary_key=True),
    Column("run_id", LosslessText, ForeignKey("runs.id"), nullable=False),
    Column("host", LosslessText, nullable=False),
    Column("boot", LosslessText, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started", LosslessText, nullable=False),
    Column("since", Real, nullable=False),
    Column("renewed", Real, nullable=False),
    Index("claims_run", "run_id"),
)

leases = Table(
    "leases",
    metadata,
    Column("run_id", LosslessText, ForeignKey("runs.id"), primary_key=True),
    Column("task_id", LosslessText, primary_key=True),
    Column("place", Integer, nullable=False),
    Column("token", LosslessText, ForeignKey("claims.token", ondelete="SET NULL")),
    Index("leases_place", "run_id", "place"),
    Index("leases_token", "token"),
)

tasks = Table(
    "tasks",
    metadata,
    Column("digest", LosslessText, primary_key=True),
    Column("id", LosslessText, nullable=False),
    Column("suite", LosslessText, nullable=False),
    Column("split", LosslessText, nullable=False),
    Column("body", LosslessJSON, nullable=False),
    Index("tasks_id", "id"),
)

bodies = Table(
    "bodies",
    metadata,
    Column("digest", LosslessText, primary_key=True),
    Column("body", LosslessText, nullable=False),
)

episodes = Table(
    "episodes",
    metadata,
    Column("run_id", LosslessText, ForeignKey("runs.id"), primary_key=True),
    Column("task_id", LosslessText, primary_key=True),
    Column("task_digest", LosslessText, ForeignKey("tasks.digest"), nullable=False),
    Column("begun", Real, nullable=False),
    Column("ended", Real),
    Column("strategy", LosslessText),
    Column("submitted", Integer),
    Column("stop_reason", LosslessText),
    Column("error", LosslessText),
    Column("solved", Boolean),
    Column("input_tokens", BigInt),
    Column("output_tokens", BigInt),
    Column("cost_usd", Real),
    Column("calls", Integer),
    Column("seconds", Real),
    Index("episodes_task", "task_id"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("run_id", LosslessText, primary_key=True),
    Column("task_id", LosslessText, primary_key=True),
    Column("idx", Integer, primary_key=True, autoincrement=False),
    Column("messages", LosslessJSON, nullable=False),
    Column("completion", LosslessText),
    Column("answer", LosslessText, nullable=False),
    Column("policy", LosslessText, nullable=False),
    Column("seconds", Real, nullable=False),
    Column("recorded", Real, nullable=False),
    ForeignKeyConstraint(["run_id", "task_id"], ["episodes.run_id", "episodes.task_id"]),
)

_OF_ATTEMPT = ["run_id", "task_id", "attempt"]
_ATTEMPT_KEY = ["attempts.run_id", "attempts.task_id", "attempts.idx"]

steps = Table(
    "steps",
    metadata,
    Column("run_id", LosslessText, primary_key=True),
    Column("task_id", LosslessText, primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("idx", Integer, primary_key=True, autoincrement=False),
    Column("thought", LosslessText, nullable=False),
    Column("action", LosslessText, nullable=False),
    Column("observation", LosslessText, nullable=False),
    Column("reward", Real),
    ForeignKeyConstraint(_OF_ATTEMPT, _ATTEMPT_KEY),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("run_id", LosslessText, primary_key=True),
    Column("task_id", LosslessText, primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("role", LosslessText, primary_key=True),
    Column("score", Real, nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("feedback", LosslessText, nullable=False),
    Column("checks", LosslessJSON, nullable=False),
    Column("step_scores", LosslessJSON, nullable=False),
    Column("verifier", LosslessText, nullable=False),
    Column("version", LosslessText, nullable=False),
    Column("sandbox", LosslessText),
    Column("gameable", Boolean, nullable=False),
    Column("seconds", Real, nullable=False),
    ForeignKeyConstraint(_OF_ATTEMPT, _ATTEMPT_KEY),
)

reflections = Table(
    "reflections",
    metadata,
    Column("seq", BigInt, primary_key=True),
    Column("run_id", LosslessText, nullable=False),
    Column("task_id", LosslessText, nullable=False),
    Column("id", LosslessText, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("text", LosslessText, nullable=False),
    Column("split", LosslessText, nullable=False),
    Column("policy", LosslessText, nullable=False),
    Column("recorded", Real, nullable=False),
    UniqueConstraint("run_id", "task_id", "id"),
    ForeignKeyConstraint(_OF_ATTEMPT, _ATTEMPT_KEY),
    Index("reflections_task", "task_id"),
    Index("reflections_id", "id"),
)

recalls = Table(
    "recalls",
    metadata,
    Column("run_id", LosslessText, primary_key=True),
    Column("task_id", LosslessText, primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("idx", Integer, primary_key=True, autoincrement=False),
    Column("reflection_id", LosslessText, nullable=False),
    ForeignKeyConstraint(_OF_ATTEMPT, _ATTEMPT_KEY),
    Index("recalls_reflection", "reflection_id"),
)

calls = Table(
    "calls",
    metadata,
    Column("seq", BigInt, primary_key=True),
    Column("run_id", LosslessText, ForeignKey("runs.id"), nullable=False),
    Column("task_id", LosslessText, nullable=False),
    Column("purpose", LosslessText, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("sample", Integer, nullable=False),
    Column("policy", LosslessText, nullable=False),
    Column("messages", LosslessJSON, nullable=False),
    Column("sampling", LosslessJSON, nullable=False),
    Column("completion", LosslessText, nullable=False),
    Column("input_tokens", BigInt, nullable=False),
    Column("output_tokens", BigInt, nullable=False),
    Column("cost_usd", Real),
    Column("seconds", Real, nullable=False),
    Column("recorded", Real, nullable=False),
    UniqueConstraint("run_id", "task_id", "purpose", "attempt", "sample"),
    Index("calls_run", "run_id", "seq"),
)

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
    ForeignKeyConstraint(_OF_ATTEMPT, _ATTEMPT_KEY),
    Index("dataset_sources_attempt", *_OF_ATTEMPT),
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
    ForeignKeyConstraint(["run_id", "task_id", "a"], _ATTEMPT_KEY),
    ForeignKeyConstraint(["run_id", "task_id", "b"], _ATTEMPT_KEY),
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
