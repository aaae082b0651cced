"""Lessons: where each came from, what it was before, where it was shown, its vectors, and the index of their texts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# FTS5 keeps no second copy of the texts: its rows are told of each change by what stands in the table.
_SQLITE_INDEX = (
    "CREATE VIRTUAL TABLE lesson_index USING fts5(text, content='lessons', content_rowid='seq', tokenize='unicode61')",
    """CREATE TRIGGER lesson_index_added AFTER INSERT ON lessons BEGIN
        INSERT INTO lesson_index (rowid, text) VALUES (new.seq, new.text);
    END""",
    """CREATE TRIGGER lesson_index_removed AFTER DELETE ON lessons BEGIN
        INSERT INTO lesson_index (lesson_index, rowid, text) VALUES ('delete', old.seq, old.text);
    END""",
    """CREATE TRIGGER lesson_index_changed AFTER UPDATE OF text ON lessons BEGIN
        INSERT INTO lesson_index (lesson_index, rowid, text) VALUES ('delete', old.seq, old.text);
        INSERT INTO lesson_index (rowid, text) VALUES (new.seq, new.text);
    END""",
)
# PostgreSQL would take user@host and a/b for one word each: what is no letter and no digit parts words, as in FTS5.
_POSTGRES_INDEX = (
    """ALTER TABLE lessons ADD COLUMN terms tsvector GENERATED ALWAYS AS
        (to_tsvector('simple', regexp_replace(text, '[!-/:-@\\[-`{-~]+', ' ', 'g'))) STORED""",
    "CREATE INDEX lessons_terms ON lessons USING gin (terms)",
)


def upgrade() -> None:
    _create_lessons()
    _create_what_belongs_to_lessons()
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in _SQLITE_INDEX if is_sqlite else _POSTGRES_INDEX:
        op.get_bind().exec_driver_sql(statement)


def _text(name: str, *, nullable: bool = False, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable, primary_key=key)


def _integer(name: str, *, key: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False, primary_key=key, autoincrement=False)


def _of_lesson(*, key: bool = True) -> sa.Column[str]:
    return sa.Column("lesson_id", sa.Text(), sa.ForeignKey("lessons.id"), nullable=False, primary_key=key)


def _create_lessons() -> None:
    op.create_table(
        "lessons",
        sa.Column("seq", _BIG, primary_key=True),
        sa.Column("id", sa.Text(), nullable=False, unique=True),
        _text("text"),
        _text("suite"),
        _text("split"),
        _text("trust"),
        _text("status"),
        _text("successor", nullable=True),
        _text("policy"),
        _text("pack", nullable=True),
        _text("reason"),
        sa.Column("created", sa.Double(), nullable=False),
    )
    op.create_index("lessons_status", "lessons", ["status", "suite"])


def _create_what_belongs_to_lessons() -> None:
    op.create_table(
        "lesson_sources",
        _of_lesson(),
        _integer("idx", key=True),
        _text("run_id"),
        _text("task_id"),
        _integer("attempt"),
        _text("reflection_id", nullable=True),
    )
    op.create_index("lesson_sources_attempt", "lesson_sources", ["run_id", "task_id", "attempt"])
    op.create_table(
        "lesson_versions",
        _of_lesson(),
        _integer("version", key=True),
        _text("body"),
        sa.Column("replaced", sa.Double(), nullable=False),
    )
    op.create_table(
        "lesson_uses",
        sa.Column("run_id", sa.Text(), sa.ForeignKey("runs.id"), primary_key=True),
        _text("task_id", key=True),
        _of_lesson(),
        _integer("idx"),
        sa.Column("shown", sa.Boolean(), nullable=False),
    )
    op.create_index("lesson_uses_lesson", "lesson_uses", ["lesson_id"])
    op.create_table(
        "embeddings",
        sa.Column("seq", _BIG, primary_key=True),
        _of_lesson(key=False),
        _text("embedder"),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.UniqueConstraint("lesson_id", "embedder"),
        sqlite_autoincrement=True,
    )
    op.create_index("embeddings_embedder", "embeddings", ["embedder", "seq"])
