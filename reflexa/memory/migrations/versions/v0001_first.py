"""The first schema: runs, tasks, episodes, attempts, verdicts, reflections, recalls and calls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_ATTEMPT_KEY = ("attempts.run_id", "attempts.task_id", "attempts.idx")


def upgrade() -> None:
    _create_runs()
    _create_texts()
    _create_episodes()
    _create_attempts()
    _create_verdicts()
    _create_reflections()
    _create_calls()


def _text(name: str, *, nullable: bool = False, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable, primary_key=key)


def _real(name: str, *, nullable: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Double(), nullable=nullable)


def _integer(name: str, *, nullable: bool = False, key: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=nullable, primary_key=key, autoincrement=False)


def _of_attempt() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(("run_id", "task_id", "attempt"), _ATTEMPT_KEY)


def _create_runs() -> None:
    op.create_table(
        "runs",
        _text("id", key=True),
        sa.Column("name", sa.Text(), unique=True),
        _text("config"),
        _text("status"),
        _text("baseline_of", nullable=True),
        _real("created"),
        _real("finished", nullable=True),
        _text("code_version"),
        _text("packages"),
    )
    op.create_index("runs_created", "runs", ["created"])
    op.create_table(
        "claims",
        sa.Column("run_id", sa.Text(), sa.ForeignKey("runs.id"), primary_key=True),
        _text("token"),
        _text("host"),
        _text("boot"),
        _integer("pid"),
        _text("started"),
        _real("since"),
        _real("renewed"),
    )


def _create_texts() -> None:
    op.create_table("tasks", _text("digest", key=True), _text("id"), _text("suite"), _text("split"), _text("body"))
    op.create_index("tasks_id", "tasks", ["id"])
    op.create_table("bodies", _text("digest", key=True), _text("body"))


def _create_episodes() -> None:
    op.create_table(
        "episodes",
        sa.Column("run_id", sa.Text(), sa.ForeignKey("runs.id"), primary_key=True),
        _text("task_id", key=True),
        sa.Column("task_digest", sa.Text(), sa.ForeignKey("tasks.digest"), nullable=False),
        _real("begun"),
        _real("ended", nullable=True),
        _text("strategy", nullable=True),
        _integer("submitted", nullable=True),
        _text("stop_reason", nullable=True),
        _text("error", nullable=True),
        sa.Column("solved", sa.Boolean()),
        sa.Column("input_tokens", _BIG),
        sa.Column("output_tokens", _BIG),
        _real("cost_usd", nullable=True),
        _integer("calls", nullable=True),
        _real("seconds", nullable=True),
    )
    op.create_index("episodes_task", "episodes", ["task_id"])


def _create_attempts() -> None:
    op.create_table(
        "attempts",
        _text("run_id", key=True),
        _text("task_id", key=True),
        _integer("idx", key=True),
        _text("messages"),
        _text("completion", nullable=True),
        _text("answer"),
        _text("policy"),
        _real("seconds"),
        _real("recorded"),
        sa.ForeignKeyConstraint(("run_id", "task_id"), ("episodes.run_id", "episodes.task_id")),
    )
    op.create_table(
        "steps",
        _text("run_id", key=True),
        _text("task_id", key=True),
        _integer("attempt", key=True),
        _integer("idx", key=True),
        _text("thought"),
        _text("action"),
        _text("observation"),
        _real("reward", nullable=True),
        _of_attempt(),
    )
    op.create_table(
        "recalls",
        _text("run_id", key=True),
        _text("task_id", key=True),
        _integer("attempt", key=True),
        _integer("idx", key=True),
        _text("reflection_id"),
        _of_attempt(),
    )
    op.create_index("recalls_reflection", "recalls", ["reflection_id"])


def _create_verdicts() -> None:
    op.create_table(
        "verdicts",
        _text("run_id", key=True),
        _text("task_id", key=True),
        _integer("attempt", key=True),
        _text("role", key=True),
        _real("score"),
        sa.Column("passed", sa.Boolean(), nullable=False),
        _text("feedback"),
        _text("checks"),
        _text("step_scores"),
        _text("verifier"),
        _text("version"),
        _text("sandbox", nullable=True),
        sa.Column("gameable", sa.Boolean(), nullable=False),
        _real("seconds"),
        _of_attempt(),
    )


def _create_reflections() -> None:
    op.create_table(
        "reflections",
        sa.Column("seq", _BIG, primary_key=True),
        _text("run_id"),
        _text("task_id"),
        _text("id"),
        _integer("attempt"),
        _text("text"),
        _text("split"),
        _text("policy"),
        _real("recorded"),
        sa.UniqueConstraint("run_id", "task_id", "id"),
        _of_attempt(),
    )
    op.create_index("reflections_task", "reflections", ["task_id"])


def _create_calls() -> None:
    op.create_table(
        "calls",
        sa.Column("seq", _BIG, primary_key=True),
        sa.Column("run_id", sa.Text(), sa.ForeignKey("runs.id"), nullable=False),
        _text("task_id"),
        _text("purpose"),
        _integer("attempt"),
        _integer("sample"),
        _text("policy"),
        _text("messages"),
        _text("sampling"),
        _text("completion"),
        sa.Column("input_tokens", _BIG, nullable=False),
        sa.Column("output_tokens", _BIG, nullable=False),
        _real("cost_usd", nullable=True),
        _real("seconds"),
        _real("recorded"),
        sa.UniqueConstraint("run_id", "task_id", "purpose", "attempt", "sample"),
    )
    op.create_index("calls_run", "calls", ["run_id", "seq"])
