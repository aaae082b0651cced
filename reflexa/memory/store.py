"""The store: every run, episode, attempt, verdict, reflection and call, each committed as it ends."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any

from reflexa.memory.database import Database
from reflexa.memory.episodes import encoding, gathering, reading, runs
from reflexa.memory.episodes.encoding import Write
from reflexa.memory.episodes.episodic import Episodic
from reflexa.memory.episodes.gathering import Selection, TaskAttempts
from reflexa.memory.episodes.outbox import Outbox
from reflexa.memory.episodes.reading import Standing
from reflexa.memory.episodes.recorder import Recorder
from reflexa.memory.episodes.runs import RunMark
from reflexa.memory.failures import DatabaseUnavailableError
from reflexa.memory.lessons.shelf import Shelf
from reflexa.memory.lineage import comparisons, datasets, trainings
from reflexa.memory.lineage.ancestry import Ancestry
from reflexa.memory.lineage.datasets import AttemptKey
from reflexa.memory.location import locate, prepare
from reflexa.memory.migrate import migrate
from reflexa.memory.sharing.claims import RunClaim
from reflexa.rows import CheckpointPoint, Comparison, DatasetRecord, Lineage, TrainingRecord
from reflexa.types import (
    Attempt,
    Call,
    CallContext,
    Episode,
    Reflection,
    RunConfig,
    RunRecord,
    RunStatus,
    Task,
    Verdict,
    VerdictRole,
)

LOCK_SECONDS = 60.0
"""How long to wait for a database that another process has locked, or for a server to come back."""
_NO_PACKAGES: Mapping[str, str] = MappingProxyType({})


class Store(Shelf):
    """One database of runs. Safe for any number of threads, and for many processes at once.

    Whatever is recorded is on the disk when the method returns; recording it again changes nothing. Secrets are
    removed first. Every method raises ``StoreError`` where the database cannot be used. ``ancestry`` tells where
    things came from, and retracts them.
    """

    def __init__(self, database: Database, outbox: Outbox | None) -> None:
        """Use ``Store.open``."""
        super().__init__(database)
        self._recorder = Recorder(database, outbox)
        self._episodic = Episodic(self)
        self.ancestry = Ancestry(database)
        self._claims: dict[str, RunClaim] = {}

    @classmethod
    def open(cls, url: str | Path, *, lock_timeout: float = LOCK_SECONDS) -> Store:
        """Opens the database at ``sqlite:///FILE``, a plain path or ``postgresql://…``; makes or upgrades it first.

        ``lock_timeout`` is in seconds. Raises ``StoreError`` that says what to do where it cannot be used.
        """
        location = locate(url)
        prepare(location)
        database = Database(location, lock_timeout)
        outbox = None if location.path is None else Outbox(location.path.with_name(location.path.name + ".outbox"))
        try:
            migrate(database)
            store = cls(database, outbox)
            with suppress(DatabaseUnavailableError):  # what waits goes before the next write; reading works until then
                store._recorder.deliver()
        except BaseException:
            database.close()
            raise
        return store

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def create_run(
        self,
        config: RunConfig,
        *,
        name: str | None = None,
        baseline_of: str | None = None,
        packages: Mapping[str, str] = _NO_PACKAGES,
        code_version: str = "",
    ) -> RunRecord:
        """A new run. Raises ``UsageError`` where the name is taken."""
        now = time.time()
        record = RunRecord(
            id=runs.new_id(now),
            name=name,
            config=self._redactor.clean(config),
            baseline_of=baseline_of,
            created=now,
            code_version=code_version,
            packages=dict(packages),
        )
        runs.create(self._database, record)
        return record

    def find_run(self, ref: str) -> RunRecord:
        """The run of this id, name, or unique start of an id. Raises ``UsageError`` with near matches or candidates."""
        return runs.find(self._database, ref)

    def list_runs(self, limit: int | None = None) -> list[RunRecord]:
        """Runs, newest first."""
        return runs.newest(self._database, limit)

    def run_marks(self) -> list[RunMark]:
        """All runs in brief, the oldest first."""
        return runs.marks(self._database)

    def end_run(self, run_id: str, status: RunStatus) -> None:
        """Sets a run's status; a resumed run is ``running`` again and has no end."""
        runs.end(self._database, run_id, status)

    def claim(self, run_id: str, tasks: Sequence[str] = (), *, shared: bool = False) -> RunClaim:
        """The right to continue a run, for a ``with`` statement; ``StoreError`` where a living process has it.

        Its tasks are then taken one by one from the claim; a ``shared`` one may be held beside others. From then on
        this store records of the run only what it does under the claim: nothing once another process has taken it over.
        """

        def held(claim: RunClaim) -> None:
            self._claims[run_id] = claim

        return RunClaim(self._database, run_id, tasks, shared=shared, held=held)

    def record_call(self, run_id: str, call: Call) -> None:
        self._commit(run_id, encoding.call_rows(run_id, self._redactor.clean(call)))

    def begin_episode(self, run_id: str, task: Task) -> None:
        """Starts a task's episode; one that had ended in an error begins anew, and keeps its attempts."""
        self._commit(run_id, encoding.begin_rows(run_id, self._redactor.clean(task)))

    def record_attempt(self, run_id: str, task_id: str, attempt: Attempt) -> None:
        self._commit(run_id, encoding.attempt_rows(run_id, task_id, self._redactor.clean(attempt)))

    def record_verdict(self, run_id: str, task_id: str, index: int, role: VerdictRole, verdict: Verdict) -> None:
        self._commit(run_id, encoding.verdict_rows(run_id, task_id, index, role, self._redactor.clean(verdict)))

    def record_reflection(self, run_id: str, task_id: str, reflection: Reflection) -> None:
        self._commit(run_id, encoding.reflection_rows(run_id, task_id, self._redactor.clean(reflection)))

    def end_episode(self, run_id: str, episode: Episode) -> None:
        """Records the outcome alone: attempts, verdicts and reflections were recorded as they ended."""
        self._commit(run_id, encoding.end_rows(run_id, self._redactor.clean(episode)))

    def call(self, run_id: str, context: CallContext) -> Call | None:
        """The recorded call, for a run that is resumed or replayed."""
        return reading.call(self._database, run_id, context)

    def calls(self, run_id: str, task_id: str | None = None) -> Iterator[Call]:
        """A run's calls in the order of their recording, streamed."""
        return reading.all_calls(self._database, run_id, task_id)

    def progress(self, run_id: str, task_id: str) -> Episode | None:
        """What is recorded of a task so far, finished or not; None where nothing is."""
        return reading.progress(self._database, run_id, task_id)

    def begun(self, run_id: str) -> set[str]:
        """The tasks of which something is recorded."""
        return reading.begun(self._database, run_id)

    def finished(self, run_id: str) -> set[str]:
        """The tasks whose episodes ended without an error."""
        return reading.finished(self._database, run_id)

    def standing(self, run_id: str) -> Standing:
        """How many of a run's tasks have ended, and how."""
        return reading.standing(self._database, run_id)

    def episodes(self, run_id: str, *, task_id: str | None = None) -> Iterator[Episode]:
        """The ended episodes of a run in the order of its tasks, streamed, equal to what was recorded."""
        return reading.all_episodes(self._database, run_id, task_id)

    def reflections(
        self,
        *,
        run_id: str | None = None,
        task_id: str | None = None,
        suite: str | None = None,
        limit: int | None = None,
    ) -> list[Reflection]:
        """Reflections, newest first; each argument that is given narrows the choice."""
        chosen = reading.Chosen(run_id=run_id, task_id=task_id, suite=suite)
        return reading.reflections(self._database, chosen, limit)

    def gather(self, selection: Selection) -> Iterator[TaskAttempts]:
        """The selected tasks with all their ended episodes, in the order of the tasks' ids, streamed."""
        return gathering.gather(self._database, selection)

    def count_tasks(self, selection: Selection) -> int:
        """How many tasks ``gather`` gives."""
        return gathering.count(self._database, selection)

    def tasks(self, split: str) -> Iterator[Task]:
        """Every task of a split that any run ever met, streamed."""
        return gathering.all_tasks(self._database, split)

    def record_dataset(self, made: DatasetRecord, lineages: Iterable[Lineage]) -> None:
        """Records an exported data set and, in the order of its rows, what each was made from."""
        datasets.record(self._database, self._redactor.clean(made), lineages)

    def list_datasets(self, limit: int | None = None) -> list[DatasetRecord]:
        """Exported data sets, newest first."""
        return datasets.newest(self._database, limit)

    def find_dataset(self, dataset_id: str) -> DatasetRecord:
        """The exported data set of this id. Raises ``UsageError`` with near matches."""
        return datasets.find(self._database, dataset_id)

    def sources_of_row(self, dataset_id: str, row: int) -> list[AttemptKey]:
        """The attempts that a data set's row, counted from 0, was made from, in the row's own order."""
        return datasets.sources(self._database, dataset_id, row)

    def rows_from_attempt(self, source: AttemptKey) -> list[tuple[str, int]]:
        """The rows of exported data sets that were made from an attempt: data set and row, counted from 0."""
        return datasets.rows_from(self._database, source)

    def record_training(self, training: TrainingRecord) -> None:
        """Keeps a training run as it now is, over what was known of it."""
        trainings.record(self._database, self._redactor.clean(training))

    def record_training_steps(self, training_id: str, reports: Mapping[int, Mapping[str, Any]]) -> None:
        """Keeps what steps of a training run, counted from 1, reported."""
        trainings.record_steps(self._database, training_id, reports)

    def list_trainings(self, limit: int | None = None) -> list[TrainingRecord]:
        """Training runs, newest first."""
        return trainings.newest(self._database, limit)

    def find_training(self, training_id: str) -> TrainingRecord:
        """The training run of this id. Raises ``UsageError`` with near matches."""
        return trainings.find(self._database, training_id)

    def training_steps(self, training_id: str) -> Sequence[Mapping[str, Any]]:
        """What the steps of a training run reported, in their order."""
        return trainings.steps(self._database, training_id)

    def record_points(self, training_id: str, points: Sequence[CheckpointPoint]) -> None:
        """Keeps what checkpoints of a training run were worth; one that is measured again replaces what was known."""
        trainings.record_points(self._database, training_id, points)

    def points_of(self, training_id: str) -> list[CheckpointPoint]:
        """What the checkpoints of a training run were worth, in the order of their steps."""
        return trainings.points_of(self._database, training_id)

    def record_comparison(self, comparison: Comparison) -> None:
        """Records an AI judge's label of two recorded answers."""
        comparisons.record(self._database, comparison)

    def comparisons(self, run_id: str, task_id: str | None = None) -> list[Comparison]:
        """The labels of a run's answers, or of those to one task."""
        return comparisons.of_run(self._database, run_id, task_id)

    def record_improvement(self, improvement_id: str, created: float, ledger: Mapping[str, Any]) -> None:
        """Keeps the ledger of a circle of improvement as it now is."""
        trainings.record_improvement(self._database, improvement_id, created, ledger)

    def find_improvement(self, improvement_id: str) -> Mapping[str, Any]:
        """The ledger of this circle. Raises ``UsageError`` with near matches."""
        return trainings.find_improvement(self._database, improvement_id)

    def remember(self, episode: Episode) -> None:
        """Keeps a whole episode that belongs to no run of the runner's: the ``Memory`` protocol."""
        run_id = self._episodic.run_for(episode)
        self._commit(run_id, encoding.episode_rows(run_id, self._redactor.clean(episode)))

    def recall(self, task: Task, k: int) -> list[Reflection]:
        """The task's own ``k`` newest reflections from any run, the newest last: the ``Memory`` protocol.

        Nothing is recalled from other tasks, so no test task learns from another; nor what was retracted.
        """
        chosen = reading.Chosen(task_id=task.id, suite=task.suite, sound=True)
        return reading.reflections(self._database, chosen, k)[::-1]

    def _commit(self, run_id: str, write: Write) -> None:
        self._recorder.commit(write, self._claims.get(run_id))
