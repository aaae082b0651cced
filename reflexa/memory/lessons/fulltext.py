"""The full-text index: lessons that hold a query's words, the best first, on SQLite (FTS5) and on PostgreSQL (GIN)."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, func, select, text

from reflexa.lessons import TEST_SPLITS, RecallQuery
from reflexa.memory.escaping import escape
from reflexa.memory.lessons.schema import lessons
from reflexa.memory.lessons.words import Frequencies, Pruned

BLOCKS, BLOCK = 64, 64
"""The sample: so many runs of so many lessons, evenly spread over all."""
_MOST_ROWS = {"sqlite": 5_000, "postgresql": 1_500}
"""Lessons that may hold one of the words that are looked up: PostgreSQL takes several times as long for each."""
GROWN = 1.5
"""By how much the lessons must have grown for a new sample."""
# What a recall may find stands in both: active, of the suite where one is given, of no test split where it is held out.
# Both databases must be kept from reading all lessons, or all active ones, and asking of each whether it has the words:
# SQLite by CROSS JOIN, PostgreSQL, which thinks scattered pages dear, by a part that can use the index alone.
_BY_INDEX = text("SET LOCAL enable_seqscan = off")
_SQLITE = text(
    """SELECT lessons.seq FROM lesson_index CROSS JOIN lessons ON lessons.seq = lesson_index.rowid
    WHERE lesson_index MATCH :words AND lessons.status = 'active'
    AND (CAST(:suite AS text) IS NULL OR lessons.suite = :suite) AND NOT (:held_out AND lessons.split IN :tests)
    ORDER BY lesson_index.rank LIMIT :n"""
).bindparams(bindparam("tests", expanding=True))
_POSTGRES = text(
    """WITH found AS MATERIALIZED (
        SELECT seq, status, suite, split, ts_rank(terms, wanted) AS rank
        FROM lessons, to_tsquery('simple', :words) AS wanted WHERE terms @@ wanted
    ) SELECT seq FROM found WHERE status = 'active'
    AND (CAST(:suite AS text) IS NULL OR suite = :suite) AND NOT (:held_out AND split IN :tests)
    ORDER BY rank DESC, seq LIMIT :n"""
).bindparams(bindparam("tests", expanding=True))


def most_rows(connection: Connection) -> int:
    """How many lessons may hold one of the words that are looked up."""
    return _MOST_ROWS[connection.dialect.name]


def find(connection: Connection, pruned: Pruned, query: RecallQuery, n: int) -> list[int]:
    """The ``seq`` of the ``n`` lessons that the database ranks first by the words that are looked up."""
    postgres = connection.dialect.name == "postgresql"
    statement, wanted = (_POSTGRES, _tsquery(pruned)) if postgres else (_SQLITE, _match(pruned))
    if postgres:
        connection.execute(_BY_INDEX)
    suite = escape(query.suite) if query.scope == "suite" else None
    held_out = {"held_out": query.split in TEST_SPLITS, "tests": sorted(TEST_SPLITS)}
    return list(connection.execute(statement, {"words": wanted, "suite": suite, "n": n, **held_out}).scalars())


def allowed(connection: Connection, places: Sequence[int], query: RecallQuery) -> list[int]:
    """Those of these lessons that ``find`` might find too, in their order."""
    statement = select(lessons.c.seq).where(lessons.c.seq.in_(places), lessons.c.status == "active")
    if query.scope == "suite":
        statement = statement.where(lessons.c.suite == query.suite)
    if query.split in TEST_SPLITS:
        statement = statement.where(lessons.c.split.not_in(sorted(TEST_SPLITS)))
    found = set(connection.execute(statement).scalars())
    return [place for place in dict.fromkeys(places) if place in found]


class Sample:
    """How common words are, kept by one process and taken anew as the lessons grow. Safe for any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest = -1
        self._frequencies = Frequencies.of((), 0)

    def frequencies(self, connection: Connection) -> Frequencies:
        newest = connection.execute(select(func.max(lessons.c.seq))).scalar() or 0
        with self._lock:
            if newest != self._newest and (newest <= BLOCK or not self._newest <= newest <= GROWN * self._newest):
                self._frequencies, self._newest = _sampled(connection, newest), newest
            return self._frequencies


def _sampled(connection: Connection, newest: int) -> Frequencies:
    """The frequencies in all lessons where they are few, else in evenly spread blocks of them."""
    few = newest <= BLOCKS * BLOCK
    starts = range(0, newest, BLOCK) if few else (newest * number // BLOCKS for number in range(BLOCKS))
    texts: list[str] = []
    for start in starts:
        block = select(lessons.c.text).where(lessons.c.seq > start, lessons.c.seq <= start + BLOCK)
        texts.extend(connection.execute(block).scalars())
    return Frequencies.of(texts, len(texts) if few else round(newest * len(texts) / (BLOCKS * BLOCK)))


def _match(pruned: Pruned) -> str:
    """The query in FTS5's language. A word is letters and digits, so no quoting can be broken out of."""
    together = " AND ".join(f'"{word}"' for word in pruned.all_of)
    return " OR ".join([*(f'"{word}"' for word in pruned.any_of), *([f"({together})"] if together else [])])


def _tsquery(pruned: Pruned) -> str:
    """The query in PostgreSQL's language."""
    together = " & ".join(f"'{word}'" for word in pruned.all_of)
    return " | ".join([*(f"'{word}'" for word in pruned.any_of), *([f"({together})"] if together else [])])
