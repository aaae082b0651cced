"""How much a memory holds."""

from __future__ import annotations

from sqlalchemy import Connection, Table, func, select, text

from reflexa.memory.episodes.schema import attempts, bodies, calls, episodes, reflections, runs
from reflexa.memory.lessons.schema import embeddings, lesson_uses, lesson_versions, lessons
from reflexa.types import Frozen

_COUNTED = (runs, episodes, attempts, reflections, calls, bodies, lesson_uses, lesson_versions)


class LessonCount(Frozen):
    """How many lessons a suite has of one kind."""

    suite: str
    status: str
    trust: str
    n: int


class MemoryStats(Frozen):
    """Rows by table, lessons by suite and kind, vectors by embedder, and the database's size in bytes."""

    rows: dict[str, int]
    lessons: tuple[LessonCount, ...]
    vectors: dict[str, int]
    bytes: int


def measure(connection: Connection) -> MemoryStats:
    """Counts everything, in one snapshot."""
    kind = (lessons.c.suite, lessons.c.status, lessons.c.trust)
    kinds = connection.execute(select(*kind, func.count().label("n")).group_by(*kind).order_by(*kind))
    vectors = select(embeddings.c.embedder, func.count().label("n")).group_by(embeddings.c.embedder)
    return MemoryStats(
        rows={table.name: _count(connection, table) for table in _COUNTED},
        lessons=tuple(LessonCount(**row._mapping) for row in kinds),
        vectors={row.embedder: row.n for row in connection.execute(vectors.order_by(embeddings.c.embedder))},
        bytes=_size(connection),
    )


def _count(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def _size(connection: Connection) -> int:
    """What the database takes on its disk, without what waits in the write-ahead log."""
    if connection.dialect.name == "postgresql":
        return int(connection.execute(select(func.pg_database_size(func.current_database()))).scalar_one())
    pages, size = (connection.execute(text(f"PRAGMA {name}")).scalar_one() for name in ("page_count", "page_size"))
    return int(pages) * int(size)
