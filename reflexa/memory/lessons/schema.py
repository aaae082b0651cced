"""The tables of lessons.

Full text is found through an index that the database keeps by itself, and that no metadata can describe:
``lesson_index`` (FTS5, kept by triggers) on SQLite, the generated column ``lessons.terms`` on PostgreSQL.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Table, UniqueConstraint

from reflexa.memory.columns import BigInt, LosslessJSON, LosslessText, Real, metadata

lessons = Table(
    "lessons",
    metadata,
    Column("seq", BigInt, primary_key=True),
    Column("id", LosslessText, nullable=False, unique=True),
    Column("text", LosslessText, nullable=False),
    Column("suite", LosslessText, nullable=False),
    Column("split", LosslessText, nullable=False),
    Column("trust", LosslessText, nullable=False),
    Column("status", LosslessText, nullable=False),
    Column("successor", LosslessText),
    Column("policy", LosslessText, nullable=False),
    Column("pack", LosslessText),
    Column("reason", LosslessText, nullable=False),
    Column("created", Real, nullable=False),
    Index("lessons_status", "status", "suite"),
    Index("lessons_successor", "successor"),
)

lesson_sources = Table(
    "lesson_sources",
    metadata,
    Column("lesson_id", LosslessText, ForeignKey("lessons.id"), primary_key=True),
    Column("idx", Integer, primary_key=True, autoincrement=False),
    Column("run_id", LosslessText, nullable=False),
    Column("task_id", LosslessText, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("reflection_id", LosslessText),
    Index("lesson_sources_attempt", "run_id", "task_id", "attempt"),
    Index("lesson_sources_reflection", "reflection_id"),
)
"""An imported lesson's attempts are of another database: no foreign key holds them."""

lesson_versions = Table(
    "lesson_versions",
    metadata,
    Column("lesson_id", LosslessText, ForeignKey("lessons.id"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("body", LosslessJSON, nullable=False),
    Column("replaced", Real, nullable=False),
)

lesson_uses = Table(
    "lesson_uses",
    metadata,
    Column("run_id", LosslessText, ForeignKey("runs.id"), primary_key=True),
    Column("task_id", LosslessText, primary_key=True),
    Column("lesson_id", LosslessText, ForeignKey("lessons.id"), primary_key=True),
    Column("idx", Integer, nullable=False),
    Column("shown", Boolean, nullable=False),
    Index("lesson_uses_lesson", "lesson_id"),
)

embeddings = Table(
    "embeddings",
    metadata,
    Column("seq", BigInt, primary_key=True),
    Column("lesson_id", LosslessText, ForeignKey("lessons.id"), nullable=False),
    Column("embedder", LosslessText, nullable=False),
    Column("vector", LargeBinary, nullable=False),
    UniqueConstraint("lesson_id", "embedder"),
    Index("embeddings_embedder", "embedder", "seq"),
    sqlite_autoincrement=True,
)
"""Readers ask for what is newer than what they have, so a ``seq`` must never be given out twice."""
