"""Whole episodes remembered outside a runner's run, as an application that embeds the agent does.

They are gathered in runs all the same, so that everything stored has its configuration: one run per suite, split,
strategy and model, and a new one when a task comes again.
"""

from __future__ import annotations

import threading
from typing import Protocol

from reflexa.types import Episode, RunConfig, RunRecord, RunStatus


class Runs(Protocol):
    """Where runs are recorded: a store."""

    def create_run(self, config: RunConfig) -> RunRecord: ...

    def end_run(self, run_id: str, status: RunStatus) -> None: ...


class Episodic:
    """What one open store has remembered so far. Safe for any number of threads."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self._gathering: dict[tuple[str, str, str, str], tuple[str, set[str]]] = {}
        self._turn = threading.Lock()

    def run_for(self, episode: Episode) -> str:
        """The run that this episode goes to."""
        task = episode.task
        model = episode.tries[0].attempt.policy if episode.tries else ""
        key = (task.suite, task.split, episode.strategy, model)
        with self._turn:
            run_id, seen = self._gathering.get(key, ("", set()))
            if not run_id or task.id in seen:
                run_id, seen = self._new_run(key), set()
                self._gathering[key] = (run_id, seen)
            seen.add(task.id)
        return run_id

    def _new_run(self, key: tuple[str, str, str, str]) -> str:
        suite, split, strategy, model = key
        run = self._runs.create_run(RunConfig(suite=suite, split=split, strategy=strategy, model=model))
        self._runs.end_run(run.id, "finished")
        return run.id
