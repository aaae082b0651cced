"""The tables of those who work on a run, and of what each has taken."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, Table

from reflexa.memory.columns import LosslessText, Real, metadata

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
