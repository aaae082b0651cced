"""Many tasks on a pool of threads: one loop, one journal, one budget; stoppable and resumable at any moment."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from threading import Lock, Thread

from reflexa.agent.desk import StoppedError
from reflexa.agent.loop import Loop
from reflexa.agent.sharing import OwnWork, Work
from reflexa.errors import BudgetExceededError
from reflexa.lessons import Lesson
from reflexa.types import Episode, Frozen, RunStatus, Task, Usage

GRACE = 3.0
"""Seconds that calls under way get to end after the first interrupt."""


class Tally(Frozen):
    """Where a run stands: tasks by state, and what was spent since it was started or resumed."""

    total: int
    solved: int = 0
    failed: int = 0
    errors: int = 0
    retrying: int = 0
    usage: Usage = Usage()

    @property
    def done(self) -> int:
        return self.solved + self.failed + self.errors


class Outcome(Frozen):
    """How a run ended: ``detail`` says why where it did not finish, ``quarantined`` which lessons proved to hurt."""

    status: RunStatus
    detail: str = ""
    tally: Tally
    quarantined: tuple[Lesson, ...] = ()


Listener = Callable[[Tally], None]


@dataclass
class Runner:
    """Runs tasks through a loop. Threads are daemons: a call that hangs cannot keep the process alive."""

    loop: Loop
    concurrency: int = 4
    listener: Listener | None = None
    _lock: Lock = field(default_factory=Lock)
    _failure: BaseException | None = None

    def run(self, tasks: Iterable[Task], already_done: int = 0) -> Outcome:
        """Solves the tasks. Raises what made the run impossible; ends cleanly for budgets and interrupts."""
        pending = list(tasks)
        return self.run_shared(OwnWork(pending), len(pending), already_done)

    def run_shared(self, work: Work, pending: int, already_done: int = 0) -> Outcome:
        """The same for the tasks that ``work`` gives, at most ``pending``."""
        self._tally = Tally(total=pending + already_done)
        self._retrying: set[str] = set()
        self._loop = replace(self.loop, progress=self._progressed)
        threads = [
            Thread(target=self._work, args=(work,), daemon=True) for _ in range(max(1, min(self.concurrency, pending)))
        ]
        for thread in threads:
            thread.start()
        interrupted = _wait(threads, self.loop)
        if interrupted:
            return Outcome(status="interrupted", detail="stopped by the user", tally=self._tally)
        if isinstance(self._failure, BudgetExceededError):
            return Outcome(status="budget", detail=str(self._failure), tally=self._tally)
        if self._failure is not None:
            raise self._failure
        return Outcome(status="finished", tally=self._tally)

    def _work(self, work: Work) -> None:
        task: Task | None = None
        while not self.loop.stop.is_set():
            try:
                task = work.next(task, self.loop.stop)
                if task is None:
                    return
                self._ended(self._loop.solve(task))
            except StoppedError:
                return
            except BaseException as error:
                with self._lock:
                    self._failure = self._failure or error
                self.loop.stop.set()
                return

    def _progressed(self, episode: Episode) -> None:
        if len(episode.tries) > 1:
            with self._lock:
                self._retrying.add(episode.task.id)
        self._tell()

    def _ended(self, episode: Episode) -> None:
        state = "errors" if episode.error else "solved" if episode.solved else "failed"
        with self._lock:
            self._retrying.discard(episode.task.id)
            self._tally = self._tally.model_copy(update={state: getattr(self._tally, state) + 1})
        self._tell()

    def _tell(self) -> None:
        with self._lock:
            update = {"retrying": len(self._retrying), "usage": self.loop.budget.spent}
            self._tally = self._tally.model_copy(update=update)
            if self.listener is not None:
                self.listener(self._tally)


def _wait(threads: list[Thread], loop: Loop) -> bool:
    """Waits for the threads; an interrupt asks them to stop within ``GRACE`` seconds. True if interrupted."""
    try:
        for thread in threads:
            while thread.is_alive():
                thread.join(timeout=0.2)
        return False
    except KeyboardInterrupt:
        loop.stop.set()
        deadline = time.monotonic() + GRACE
        try:
            for thread in threads:
                thread.join(timeout=max(0.0, deadline - time.monotonic()))
        except KeyboardInterrupt:
            pass
        return True


def default_concurrency() -> int:
    """Tasks under way at once where nothing else is asked for: enough to keep a model's slots and the sandbox busy."""
    return max(4, 2 * (os.cpu_count() or 2))
