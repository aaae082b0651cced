"""AI preferences: which of two recorded answers a judge found better, and by which principles."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
_ATTEMPT = ["attempts.run_id", "attempts.task_id", "attempts.idx"]


def upgrade() -> None:
    op.create_table(
        "comparisons",
        sa.Column("run_id", sa.Text(), primary_key=True),
        sa.Column("task_id", sa.Text(), primary_key=True),
        sa.Column("a", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("b", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("standards", sa.Text(), primary_key=True),
        sa.Column("version", sa.Text(), primary_key=True),
        sa.Column("judge", sa.Text(), nullable=False),
        sa.Column("probability", sa.Double(), nullable=False),
        sa.Column("consistency", sa.Double(), nullable=False),
        sa.Column("principles", sa.Text(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["run_id", "task_id", "a"], _ATTEMPT),
        sa.ForeignKeyConstraint(["run_id", "task_id", "b"], _ATTEMPT),
    )
