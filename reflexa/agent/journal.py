"""Where an episode writes what it does, as it does it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from reflexa.types import Attempt, Call, Episode, Reflection, Task, Verdict, VerdictRole

if TYPE_CHECKING:
    from reflexa.memory import Store


class Journal(Protocol):
    """Keeps each part of a run's episodes as it ends, and gives back what an interrupted run had."""

    def begin(self, task: Task) -> Episode | None:
        """Opens a task's episode; returns what an earlier, interrupted run recorded of it."""
        ...

    def calls(self, task_id: str) -> Iterable[Call]:
        """The calls that were recorded of a task's episode."""
        ...

    def call(self, call: Call) -> None: ...

    def attempt(self, task_id: str, attempt: Attempt) -> None: ...

    def verdict(self, task_id: str, index: int, role: VerdictRole, verdict: Verdict) -> None: ...

    def reflection(self, reflection: Reflection) -> None: ...

    def end(self, episode: Episode) -> None: ...


class NoJournal:
    """Keeps nothing: an agent without memory."""

    def begin(self, task: Task) -> Episode | None:
        return None

    def calls(self, task_id: str) -> Iterable[Call]:
        return ()

    def call(self, call: Call) -> None:
        return None

    def attempt(self, task_id: str, attempt: Attempt) -> None:
        return None

    def verdict(self, task_id: str, index: int, role: VerdictRole, verdict: Verdict) -> None:
        return None

    def reflection(self, reflection: Reflection) -> None:
        return None

    def end(self, episode: Episode) -> None:
        return None


class StoreJournal:
    """Writes into the store under one run; every method is one commit.

    What an earlier session had begun is looked up once, or told by whoever adds to ``begun``: a task that is new costs
    no query.
    """

    def __init__(self, store: Store, run_id: str) -> None:
        self._store = store
        self._run_id = run_id
        self.begun = store.begun(run_id)

    def begin(self, task: Task) -> Episode | None:
        self._store.begin_episode(self._run_id, task)  # first: with it what waited beside the database enters it
        return self._store.progress(self._run_id, task.id) if task.id in self.begun else None

    def calls(self, task_id: str) -> Iterable[Call]:
        return self._store.calls(self._run_id, task_id)

    def call(self, call: Call) -> None:
        self._store.record_call(self._run_id, call)

    def attempt(self, task_id: str, attempt: Attempt) -> None:
        self._store.record_attempt(self._run_id, task_id, attempt)

    def verdict(self, task_id: str, index: int, role: VerdictRole, verdict: Verdict) -> None:
        self._store.record_verdict(self._run_id, task_id, index, role, verdict)

    def reflection(self, reflection: Reflection) -> None:
        self._store.record_reflection(self._run_id, reflection.task_id, reflection)

    def end(self, episode: Episode) -> None:
        self._store.end_episode(self._run_id, episode)
