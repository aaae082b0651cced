"""Several processes on one run: a claim each, and leases on the tasks that are left.

A process of the version before that works meanwhile keeps its claim.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    connection = op.get_bind()
    held = [dict(row) for row in connection.execute(sa.text("SELECT * FROM claims")).mappings()]
    op.drop_table("claims")
    claims = op.create_table(
        "claims",
        sa.Column("token", sa.Text(), primary_key=True),
        sa.Column("run_id", sa.Text(), sa.ForeignKey("runs.id"), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("boot", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started", sa.Text(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("renewed", sa.Double(), nullable=False),
    )
    op.create_index("claims_run", "claims", ["run_id"])
    op.bulk_insert(claims, held)
    op.create_table(
        "leases",
        sa.Column("run_id", sa.Text(), sa.ForeignKey("runs.id"), primary_key=True),
        sa.Column("task_id", sa.Text(), primary_key=True),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("token", sa.Text(), sa.ForeignKey("claims.token", ondelete="SET NULL")),
    )
    op.create_index("leases_place", "leases", ["run_id", "place"])
    op.create_index("leases_token", "leases", ["token"])
