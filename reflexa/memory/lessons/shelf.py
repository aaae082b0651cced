"""The lessons of a database: that part of a store which no single run owns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from reflexa.lessons import LONGEST, Lesson, LessonOutcomes, LessonStatus, LessonTrials, Recalled, RecallQuery
from reflexa.memory import pruning, stats
from reflexa.memory.database import Database
from reflexa.memory.episodes.encoding import Write
from reflexa.memory.lessons import packs, recall, table
from reflexa.memory.lessons.fulltext import Sample
from reflexa.memory.lessons.packs import Imported
from reflexa.memory.lessons.table import Kept
from reflexa.memory.lessons.words import similarity
from reflexa.memory.pruning import Pruned, PruneKind
from reflexa.memory.redaction import Redactor
from reflexa.memory.stats import MemoryStats
from reflexa.protocols import Embedder

if TYPE_CHECKING:
    from reflexa.memory.lessons.embedding import Embeddings


class Similar(NamedTuple):
    """A lesson, and the share of words that it has in common with a text (Jaccard's index), in [0, 1]."""

    lesson: Lesson
    words: float


class Shelf(ABC):
    """What a ``Store`` can do with lessons. Secrets are removed before anything is written."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._redactor = Redactor()
        self._sample = Sample()
        self._embeddings: Embeddings | None = None

    @property
    def embedder(self) -> str:
        """The name of the embedder that lessons are recalled by; ``none`` where it is by their words alone."""
        return self._embeddings.name if self._embeddings else "none"

    def use_embedder(self, embedder: Embedder | None) -> None:
        """From now on lessons are recalled by this embedder's vectors too, and those that have none are embedded."""
        from reflexa.memory.lessons.embedding import Embeddings

        self._embeddings = None if embedder is None else Embeddings(self._database, embedder)

    def add_lessons(self, new: Sequence[Lesson]) -> None:
        """Keeps lessons; one whose id is known is left as it is."""
        table.add(self._database, map(self._redactor.clean, new))
        self._embed([lesson.id for lesson in new])

    def find_lesson(self, ref: str) -> Lesson:
        """The lesson of this id, or unique start of an id. Raises ``UsageError`` with near matches or candidates."""
        return table.find(self._database, ref)

    def lessons(
        self,
        *,
        suite: str | None = None,
        status: LessonStatus | None = None,
        pack: str | None = None,
        limit: int | None = None,
    ) -> list[Lesson]:
        """Lessons, newest first; each argument that is given narrows the choice."""
        return table.newest(self._database, Kept(suite, status, pack), limit)

    def change_lesson(self, lesson: Lesson) -> None:
        """Puts a lesson in the place of the one of its id; what that was is kept. Raises ``UsageError``."""
        table.change(self._database, self._redactor.clean(lesson))
        self._embed([lesson.id])

    def lesson_versions(self, lesson_id: str) -> list[Lesson]:
        """What a lesson was before each of its changes, the oldest first."""
        return table.versions(self._database, lesson_id)

    def recall_lessons(self, query: RecallQuery) -> list[Recalled]:
        """The active lessons that fit a task best, the best first. See ``docs/memory.md`` for how they are ranked."""
        near = self._embeddings.nearest(query.text, recall.NEAR) if self._embeddings else []
        return self._database.read(partial(recall.recall, query=query, sample=self._sample, near=near))

    def similar_lessons(self, text: str, k: int = 5) -> list[Similar]:
        """The active lessons of all suites that are likest to a text, the likest first: what a new one may repeat."""
        query = RecallQuery(text=text, k=k, tokens=k * LONGEST, scope="all", suite="")
        found = (recalled.lesson for recalled in self.recall_lessons(query))
        return sorted(
            (Similar(lesson, similarity(text, lesson.text)) for lesson in found), key=lambda each: -each.words
        )

    def record_lesson_uses(self, run_id: str, task_id: str, shown: Sequence[str], left_out: Sequence[str]) -> None:
        """Records which lessons an episode was shown, and which were left out by lot. The first record holds."""
        if not table.used(self._database, run_id, task_id):
            self._commit(run_id, table.use_rows(run_id, task_id, shown, left_out))

    def lessons_of(self, run_id: str, task_id: str) -> list[str]:
        """The ids of the lessons that an episode was shown, in their order."""
        return [lesson_id for lesson_id, shown in table.used(self._database, run_id, task_id) if shown]

    def recalled_lessons(self, *, run_id: str | None = None, suite: str | None = None) -> list[Lesson]:
        """The lessons that were recalled for any episode, shown or left out, newest first."""
        return table.recalled(self._database, run_id, suite)

    def lesson_outcomes(self, ids: Sequence[str]) -> dict[str, LessonOutcomes]:
        """What became of the ended episodes that lessons were recalled for; an entry for every id."""
        return self._database.read(partial(table.outcomes, ids=ids))

    def lesson_trials(self, ids: Sequence[str]) -> dict[str, LessonTrials]:
        """The same, run by run, in those runs alone that showed the lesson and left it out: where chance chose."""
        return self._database.read(partial(table.trials, ids=ids))

    def import_pack(self, path: Path, name: str) -> Imported:
        """Keeps a pack's lessons in quarantine: none is recalled before it is accepted. Raises ``UsageError``."""
        read = packs.read_pack(path, name, self._redactor)
        self.add_lessons(read.lessons)
        return read

    def prune(self, kinds: Sequence[PruneKind], older: float, *, dry_run: bool) -> list[Pruned]:
        """Deletes what is of these kinds and older than so many seconds, or says only what would go."""
        return pruning.prune(self._database, kinds, older, dry_run=dry_run)

    def stats(self) -> MemoryStats:
        """How much the database holds."""
        return self._database.read(stats.measure)

    def _embed(self, ids: Sequence[str]) -> None:
        if self._embeddings:
            self._embeddings.embed(ids)

    @abstractmethod
    def _commit(self, run_id: str, write: Write) -> None:
        """Writes what belongs to a run."""
