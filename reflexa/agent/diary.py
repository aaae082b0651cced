"""The runs that an embedded agent's episodes are recorded in, and what is learnt of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from reflexa.agent.demoting import quarantine_harmful_of
from reflexa.agent.distilling import Distilled, Distiller
from reflexa.lessons import TEST_SPLITS, Lesson
from reflexa.types import Frozen, RunConfig, RunRecord, Task

if TYPE_CHECKING:
    from reflexa.memory import Store


class Learnt(Frozen):
    """What was learnt of an agent's episodes: the new lessons, what became of each run, and which lessons proved to
    hurt.
    """

    lessons: tuple[Lesson, ...] = ()
    runs: tuple[Distilled, ...] = ()
    quarantined: tuple[Lesson, ...] = ()


@dataclass(frozen=True)
class _Page:
    run: RunRecord
    tasks: set[str] = field(default_factory=set)


@dataclass
class Diary:
    """Gives each episode its run: one per suite and split, for splits are learnt from or measured as wholes.

    ``describe`` says how a task is attempted, which its run records. Safe to use from many threads.
    """

    store: Store
    describe: Callable[[Task], RunConfig]
    _pages: dict[tuple[str, str], _Page] = field(default_factory=dict)
    _ended: deque[str] = field(default_factory=deque)
    _turn: Lock = field(default_factory=Lock)
    _learning: Lock = field(default_factory=Lock)

    def run_for(self, task: Task) -> RunRecord:
        """The run that this episode of the task goes to. A run holds a task once: solving it again begins a new one."""
        key = task.suite, task.split
        with self._turn:
            page = self._pages.get(key)
            if page is None or task.id in page.tasks:
                self._end(key)
                page = self._pages[key] = _Page(self.store.create_run(self.describe(task)))
            page.tasks.add(task.id)
            return page.run

    def end(self) -> tuple[Lesson, ...]:
        """Ends the runs: what is solved from now on goes to new ones. Returns the lessons that proved to hurt."""
        with self._turn:
            return tuple(lesson for key in list(self._pages) for lesson in self._end(key))

    def learn(self, distiller: Distiller) -> Learnt:
        """Makes lessons of the runs since the last time; of those of a test split only where the distiller may.

        Where it fails, what is left of them is learnt the next time.
        """
        with self._learning:
            quarantined, done = self.end(), []
            while self._ended:
                run = self.store.find_run(self._ended[0])
                if distiller.config.test_split or run.config.split not in TEST_SPLITS:
                    done.append(distiller.distill(run))
                self._ended.popleft()
        made = dict.fromkeys(lesson_id for each in done for lesson_id in each.tally.lessons)
        lessons = tuple(self.store.find_lesson(lesson_id) for lesson_id in made)
        return Learnt(lessons=lessons, runs=tuple(done), quarantined=quarantined)

    def _end(self, key: tuple[str, str]) -> tuple[Lesson, ...]:
        page = self._pages.pop(key, None)
        if page is None:
            return ()
        self.store.end_run(page.run.id, "finished")
        self._ended.append(page.run.id)
        return quarantine_harmful_of(self.store, page.run)
