"""What every step of a circle works with: the store, the splits, runs that go on where they were, a ledger that is
saved.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reflexa.agent import BenchOptions, Workbench, code_version, package_versions
from reflexa.errors import ReflexaError, UsageError
from reflexa.evaluation import RunSummary, summarise
from reflexa.improve.config import ImproveConfig, Ledger, Round
from reflexa.memory import Store
from reflexa.rows import TrainingRecord
from reflexa.tasks import Suite, select
from reflexa.types import Episode, Message, RunConfig, RunRecord, Task

Say = Callable[[str], None]


class CircleStoppedError(ReflexaError):
    """A run of the circle did not come to its end; what it did is kept, and resuming goes on."""


@dataclass(frozen=True)
class Suites:
    """The two splits of the suite: what is learnt from, and what is only measured."""

    train: Suite
    held_out: Suite


@dataclass
class Workshop:
    """``save`` keeps the ledger after every step, ``say`` tells of each."""

    store: Store
    suites: Suites
    options: BenchOptions
    save: Callable[[Ledger], None]
    say: Say = field(default=lambda words: None)

    def __post_init__(self) -> None:
        self._since = time.monotonic()

    def with_round(self, ledger: Ledger, current: Round) -> Ledger:
        """The ledger with this round in place of the one of its number, saved."""
        rounds = (*(each for each in ledger.rounds if each.number != current.number), current)
        return self.saved(ledger.model_copy(update={"rounds": rounds}))

    def saved(self, ledger: Ledger) -> Ledger:
        now = time.monotonic()
        ledger = ledger.model_copy(update={"seconds": ledger.seconds + now - self._since})
        self._since = now
        self.save(ledger)
        return ledger

    def train_suite(self, config: ImproveConfig) -> Suite:
        return _first(self.suites.train, config.limit)

    def held_out_suite(self, config: ImproveConfig) -> Suite:
        return _first(self.suites.held_out, config.held_out_limit)

    def folder(self, ledger: Ledger) -> Path:
        """Where the last round keeps its rows and checkpoints."""
        return ledger.config.output.resolve() / f"round-{ledger.rounds[-1].number}"

    @staticmethod
    def run_config(config: ImproveConfig, suite: Suite, **others: Any) -> RunConfig:
        """A run over a split as the circle is configured."""
        common = {
            "suite": config.suite,
            "split": suite.split,
            "data": config.data,
            "judge": config.judge,
            "max_new_tokens": config.max_new_tokens,
            "task_ids": tuple(task.id for task in suite.tasks),
            "suite_digest": suite.digest,
        }
        return RunConfig.model_validate(common | others)

    def recorded(self, run_id: str | None, name: str, config: RunConfig) -> RunRecord:
        """The run that was begun, or a new one of this name, which no other run of any circle has."""
        if run_id is not None:
            return self.store.find_run(run_id)
        try:
            return self.store.create_run(config, name=name, packages=package_versions(), code_version=code_version())
        except UsageError:
            return self.store.find_run(name)  # the circle was killed before its ledger knew of the run

    def carry_out(self, run: RunRecord, suite: Suite) -> RunSummary:
        """Runs what is left of a run.

        Raises ``CircleStoppedError`` where it does not come to its end, or tasks broke.
        """
        with Workbench(self.store, self.options) as bench:
            bench.prepare(run.config, suite)
            outcome = bench.execute(run, suite)
        if outcome.status != "finished":
            raise CircleStoppedError(f"run {run.id} is {outcome.status}: {outcome.detail}; resume to go on")
        summary = summarise(*self.with_episodes(run.id))
        if summary.errors:
            raise CircleStoppedError(
                f"{summary.errors} tasks of run {run.id} ended in errors, which is no score: see `reflexa runs show "
                f"{run.id}`, mend it, and resume"
            )
        return summary

    def with_episodes(self, run_id: str) -> tuple[RunRecord, list[Episode]]:
        return self.store.find_run(run_id), list(self.store.episodes(run_id))

    def begun(self, new: TrainingRecord) -> TrainingRecord:
        """The record of a training run, written: the one that it had before it was killed, else ``new``."""
        known = (each for each in self.store.list_trainings() if each.id == new.id)
        record = next(known, new).model_copy(update={"status": new.status, "finished": None})
        self.store.record_training(record)
        return record

    def ended(self, record: TrainingRecord, checkpoint: Path, loss: float) -> None:
        """Keeps the record of a training run that has ended."""
        update = {"status": "finished", "finished": time.time(), "checkpoint": str(checkpoint), "loss": loss}
        self.store.record_training(record.model_copy(update=update))

    def refuse_retracted(self, *models: str) -> None:
        """Raises ``UsageError`` for a model that was retracted, or grew from what was."""
        self.store.ancestry.renew()
        for model in models:
            mark = self.store.ancestry.retracted_model(model)
            if mark is not None:
                raise UsageError(
                    f"the model {model} {mark.words}: nothing is built on it; begin another circle from a model that "
                    "is sound, or take the retraction back with `reflexa memory retract ID --undo`"
                )


def check_apart(suites: Suites) -> None:
    """Raises ``UsageError`` where a held-out task is also learnt from: by its id, or word for word in one world."""
    learnt = {task.id for task in suites.train.tasks}
    asked = {_asked(task) for task in suites.train.tasks}
    shared = [task.id for task in suites.held_out.tasks if task.id in learnt or _asked(task) in asked]
    if shared:
        raise UsageError(
            f"{len(shared)} held-out tasks of {suites.held_out.name} are in the training split too ({shared[0]}, …): "
            "what is learnt would be measured on itself; choose other splits"
        )


def _asked(task: Task) -> tuple[tuple[Message, ...], str]:
    """A task's prompt, and the world that it is played in, if any: worlds of one kind often share their prompt."""
    world = "" if task.play is None else json.dumps([task.play.environment, task.play.parameters], sort_keys=True)
    return task.prompt, world


def _first(suite: Suite, limit: int | None) -> Suite:
    return suite if limit is None or limit >= len(suite.tasks) else select(suite, limit=limit)
