"""Lessons as vectors: made where they are missing, kept in the database, and held in memory by each process."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sqlalchemy import ColumnElement, Connection, Select, and_, select

from reflexa.errors import PolicyError
from reflexa.memory.database import Database
from reflexa.memory.lessons.schema import embeddings, lessons
from reflexa.memory.lessons.vectors import Vectors
from reflexa.protocols import Embedder

if TYPE_CHECKING:
    from numpy.typing import NDArray

_log = logging.getLogger(__name__)

AT_ONCE = 256
"""Lessons that are embedded and committed together."""
LOOKED_AT = 4096
"""Lessons that are read at once to find those without a vector."""
LONGEST_TEXT = 8_000
"""Characters of a text that are embedded: hosted models refuse more than some thousand tokens."""
ROWS_AT_ONCE = 10_000
LOOK_BACK = 512
"""On PostgreSQL a row may become visible after one that was numbered later: so many are looked at again."""


class _Looked(NamedTuple):
    """A lesson, and whether it should have a vector and has none yet."""

    seq: int
    id: str
    text: str
    bare: bool


class Embeddings:
    """The vectors that one embedder made of a database's lessons. Safe for any number of threads."""

    def __init__(self, database: Database, embedder: Embedder) -> None:
        self._database, self._embedder = database, embedder
        self._lock = threading.Lock()
        self._vectors: Vectors | None = None
        self._recent: set[int] = set()
        self._last = 0
        self._caught_up = False

    @property
    def name(self) -> str:
        """The embedder's."""
        return self._embedder.name

    def catch_up(self) -> None:
        """Embeds the lessons that have no vector yet: those of before this embedder was chosen, or of other programs.

        Once in a process; what the process itself adds is embedded as it is added.
        """
        with self._lock:
            if self._caught_up:
                return
            after = 0
            while looked_at := self._database.read(partial(self._look, after=after)):
                missing = [lesson for lesson in looked_at if lesson.bare]
                for start in range(0, len(missing), AT_ONCE):
                    self._embed(missing[start : start + AT_ONCE])
                after = looked_at[-1].seq
            self._caught_up = True

    def embed(self, ids: Sequence[str]) -> None:
        """Embeds these lessons where they have no vector yet; on failure they are left for the next ``catch_up``."""
        try:
            for start in range(0, len(ids), AT_ONCE):
                missing = self._database.read(partial(self._missing, ids=ids[start : start + AT_ONCE]))
                if missing:
                    self._embed(missing)
        except PolicyError as error:
            self._caught_up = False
            _log.warning("new lessons have no vectors yet: %s", error)

    def nearest(self, text: str, n: int) -> list[int]:
        """The ``seq`` of the lessons whose vectors are nearest to the text's, the nearest first; [] on failure.

        Full text finds lessons without an embedder too: one that cannot be reached must not stop a run.
        """
        if not text.strip():
            return []
        try:
            self.catch_up()
            query = self._embedder.embed([_sendable(text)])[0]
        except PolicyError as error:
            _log.warning("lessons are recalled by their words alone: %s", error)
            return []
        with self._lock:
            self._database.read(self._refresh)
            return [] if self._vectors is None else self._vectors.nearest(np.asarray(query, np.float32), n)

    def _embed(self, missing: Sequence[_Looked]) -> None:
        rows = np.asarray(self._embedder.embed([_sendable(row.text) for row in missing]), "<f4")
        made = [
            {"lesson_id": row.id, "embedder": self._embedder.name, "vector": vector.tobytes()}
            for row, vector in zip(missing, rows, strict=True)
        ]
        once = ["lesson_id", "embedder"]
        statement = self._database.insert(embeddings).on_conflict_do_nothing(index_elements=once).inline()
        self._database.write(lambda connection: connection.execute(statement, made))

    def _missing(self, connection: Connection, ids: Sequence[str]) -> list[_Looked]:
        return [lesson for lesson in self._lessons(connection, lessons.c.id.in_(ids), len(ids)) if lesson.bare]

    def _look(self, connection: Connection, after: int) -> list[_Looked]:
        """The next lessons after a ``seq``, with or without a vector: whoever asked for the next without one would
        have the database pass over all the others each time.
        """
        return self._lessons(connection, lessons.c.seq > after, LOOKED_AT)

    def _lessons(self, connection: Connection, which: ColumnElement[bool], most: int) -> list[_Looked]:
        columns = (lessons.c.seq, lessons.c.id, lessons.c.text, lessons.c.status)
        chosen = select(*columns).where(which).order_by(lessons.c.seq).limit(most).subquery()
        ours = and_(embeddings.c.lesson_id == chosen.c.id, embeddings.c.embedder == self._embedder.name)
        bare = and_(chosen.c.status == "active", embeddings.c.seq.is_(None))
        statement = select(chosen.c.seq, chosen.c.id, chosen.c.text, bare).outerjoin(embeddings, ours)
        return [_Looked(*row) for row in connection.execute(statement.order_by(chosen.c.seq))]

    def _refresh(self, connection: Connection) -> None:
        """Reads the vectors that are not in memory yet. One whose lesson has gone since is found and then left out."""
        ours = embeddings.c.embedder == self._embedder.name
        near = select(embeddings.c.seq).where(ours, embeddings.c.seq > self._last - LOOK_BACK)
        seen = set(connection.execute(near.where(embeddings.c.seq <= self._last)).scalars())
        late = sorted(seen - self._recent)
        if late:
            self._take(connection, select(embeddings).where(embeddings.c.seq.in_(late)))
        while self._take(connection, select(embeddings).where(ours, embeddings.c.seq > self._last)):
            pass

    def _take(self, connection: Connection, statement: Select[Any]) -> bool:
        """Adds the next rows; whether there may be more."""
        joined = (
            statement.join(lessons, lessons.c.id == embeddings.c.lesson_id)
            .with_only_columns(embeddings.c.seq, lessons.c.seq.label("lesson"), embeddings.c.vector)
            .order_by(embeddings.c.seq)
            .limit(ROWS_AT_ONCE)
        )
        rows = connection.execute(joined).all()
        if rows:
            matrix = _matrix([row.vector for row in rows])
            if self._vectors is None:
                self._vectors = Vectors(matrix.shape[1])
            self._vectors.add([row.lesson for row in rows], matrix)
            self._last = max(self._last, rows[-1].seq)
            recent = self._recent | {row.seq for row in rows}
            self._recent = {seq for seq in recent if seq > self._last - LOOK_BACK}
        return len(rows) == ROWS_AT_ONCE


def _sendable(text: str) -> str:
    """The beginning of a text, as every embedder can take it: without lone surrogates."""
    return text[:LONGEST_TEXT].encode("utf-8", "replace").decode()


def _matrix(stored: Sequence[bytes]) -> NDArray[np.float32]:
    """The vectors as 32-bit floats [rows, dimensions]."""
    return np.frombuffer(b"".join(stored), "<f4").reshape(len(stored), -1).astype(np.float32)
