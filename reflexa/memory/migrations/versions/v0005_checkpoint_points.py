"""The checkpoints of training runs: how far each went from its start, and what that was worth."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "checkpoint_points",
        sa.Column("training_id", sa.Text(), sa.ForeignKey("trainings.id"), primary_key=True),
        sa.Column("step", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("kl", sa.Double(), nullable=False),
        sa.Column("proxy_reward", sa.Double(), nullable=False),
        sa.Column("true_reward", sa.Double()),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("rewards", sa.Text(), nullable=False),
    )
