"""Where the threads of a runner get their tasks: from a list of this process, or from a run that others work on too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from queue import Empty, SimpleQueue
from threading import Event, Lock
from typing import TYPE_CHECKING, Protocol

from reflexa.types import Task

if TYPE_CHECKING:
    from reflexa.memory.sharing.claims import RunClaim

LOOK_SECONDS = 0.5
"""Between two looks whether a task has come free that another process had."""


class Work(Protocol):
    """Gives tasks to threads."""

    def next(self, done: Task | None, stop: Event) -> Task | None:
        """The next task for a thread that has ``done`` its last one; None where there is none, or at ``stop``."""
        ...


class OwnWork:
    """A list of tasks that nobody else works on."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._queue: SimpleQueue[Task] = SimpleQueue()
        for task in tasks:
            self._queue.put(task)

    def next(self, done: Task | None, stop: Event) -> Task | None:
        try:
            return self._queue.get_nowait()
        except Empty:
            return None


class SharedWork:
    """A run's tasks, leased one by one. ``begun`` receives those of which something may be recorded already."""

    def __init__(self, claim: RunClaim, tasks: Sequence[Task], begun: set[str]) -> None:
        self._claim, self._begun = claim, begun
        self._tasks = {task.id: task for task in tasks}
        self._looking = Lock()

    def next(self, done: Task | None, stop: Event) -> Task | None:
        """Waits while other processes have the last tasks: should one die, its tasks are free again."""
        turn = self._claim.next(None if done is None else done.id)
        if turn.task_id is None and not turn.over:
            with self._looking:  # one thread looks for all: the others wait here
                while turn.task_id is None and not turn.over and not stop.wait(LOOK_SECONDS):
                    turn = self._claim.next()
        if turn.task_id is None:
            return None
        if turn.begun:
            self._begun.add(turn.task_id)
        return self._tasks[turn.task_id]
