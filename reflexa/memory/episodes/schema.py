"""The tables of runs and their episodes.

Rows are keyed by what they are about (run, task, attempt), so that writing the same thing twice changes nothing.
Long texts that occur many times over, such as prompts and completions, stand once in ``bodies`` under their digest.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, ForeignKeyConstraint, Index, Integer, Table, UniqueConstraint

from reflexa.memory.columns import BigInt, LosslessJSON, LosslessText, Real, metadata

OF_ATTEMPT = ["run_id", "task_id", "attempt"]
ATTEMPT_KEY = ["attempts.run_id", "attempts.task_id", "attempts.idx"]
"""The columns by which a table names an attempt, and those that they refer to."""

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
    ForeignKeyConstraint(OF_ATTEMPT, ATTEMPT_KEY),
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
    ForeignKeyConstraint(OF_ATTEMPT, ATTEMPT_KEY),
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
    ForeignKeyConstraint(OF_ATTEMPT, ATTEMPT_KEY),
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
    ForeignKeyConstraint(OF_ATTEMPT, ATTEMPT_KEY),
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
