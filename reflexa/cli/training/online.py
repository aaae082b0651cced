"""Carries out ``reflexa train`` for algorithms that learn from a model's own answers to tasks."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reflexa.agent import Bench
from reflexa.cli.failures import DONE
from reflexa.cli.output import emit, emit_json, note
from reflexa.cli.session import Session, suite_reference
from reflexa.cli.text import aligned, count, one_line, seconds
from reflexa.cli.training.common import (
    begun,
    bench_options,
    carried_out,
    ended,
    held_out_line,
    new_id,
    shown,
    validated,
)
from reflexa.cli.training.selecting import check_measured, chosen_of, with_checkpoints
from reflexa.errors import MissingExtraError, UsageError
from reflexa.rows import CheckpointPoint, TrainingRecord
from reflexa.types import Frozen

if TYPE_CHECKING:
    from reflexa.cli.options.train import TrainOptions
    from reflexa.improve.rewarding import OnlineTasks, TaskSource
    from reflexa.training.online.api import OnlineResult
    from reflexa.training.online.config import OnlineConfig


class TrainedOnline(Frozen):
    """What ``reflexa train ALGORITHM --task SUITE --json`` prints: the record, the checkpoints' points, the cost."""

    training: TrainingRecord
    points: tuple[CheckpointPoint, ...]
    alarms: tuple[str, ...]
    selected: int | None = None
    reward: float
    steps: int
    tokens: int
    seconds: float


def is_online(settings: Mapping[str, Any]) -> bool:
    """Whether the algorithm learns from its own answers."""
    from reflexa.training.algorithms import list_online

    return settings.get("algorithm") in {algorithm.name for algorithm in list_online()}


def start_online(options: TrainOptions, session: Session, settings: dict[str, Any], first: bool) -> int:
    """Trains on a suite's tasks, or prints the plan. Returns the exit code.

    Only the ``first`` process of a run prints and records.
    """
    try:
        from reflexa.improve.rewarding import online_tasks
        from reflexa.training.online import api
    except ModuleNotFoundError as error:
        raise MissingExtraError("training", "train") from error
    source, config = _configured(settings)
    with Bench(bench_options(session, config.workers, options.allow_weak_sandbox)) as bench:
        tasks = online_tasks(source, session.load_suite, bench)
        planned = api.plan_online(config, tasks.prompts)
        if options.dry_run:
            return shown(planned, options.json) if first else DONE
        if options.select:
            check_measured(tasks.held_out is not None, "--held-out-split NAME")
            config = with_checkpoints(config, config.steps, keep_all=True)
        if not first:
            api.train_online(config, tasks.prompts, tasks.reward, held_out=tasks.held_out)
            return DONE
        note(aligned([*planned.lines(), *_said(tasks)]))
        trained = _recorded(options, session, config, source, tasks)
    emit_json(trained) if options.json else emit(_report(trained))
    return DONE


def _configured(settings: dict[str, Any]) -> tuple[TaskSource, OnlineConfig]:
    from reflexa.improve.rewarding import TaskSource
    from reflexa.training.online.config import OnlineConfig

    tasks = dict(settings.pop("tasks", {}))
    files = settings.pop("data", [])
    if not tasks.get("suite"):
        raise UsageError(
            f"{settings['algorithm']} learns from its own answers to tasks: name a suite with a training split, as in "
            f"reflexa train {settings['algorithm']} --task gsm8k"
        )
    if len(files) > 1:
        raise UsageError(f"{len(files)} files for one suite: expected at most one --data FILE")
    tasks["suite"] = suite_reference(tasks["suite"])
    if files:
        tasks["data"] = str(files[0])
    return validated(TaskSource, tasks), validated(OnlineConfig, settings)


def _said(tasks: OnlineTasks) -> list[tuple[str, str]]:
    judged = "the suite's own judge: an oracle run" if tasks.oracle else "a verifier of your choice"
    held_out = "none" if tasks.held_out is None else f"{len(tasks.held_out.prompts):,} tasks"
    return [("reward", f"{tasks.name} ({judged})"), ("held out", held_out)]


def _recorded(
    options: TrainOptions, session: Session, config: OnlineConfig, source: TaskSource, tasks: OnlineTasks
) -> TrainedOnline:
    from reflexa.training.online.api import train_online

    how = {"tasks": source.model_dump(mode="json"), "reward": tasks.name, "oracle": tasks.oracle}
    new = TrainingRecord(
        id=new_id(),
        algorithm=config.algorithm,
        model=config.model,
        config={**config.model_dump(mode="json"), **how},
        created=time.time(),
    )
    with session.open_store() as store:
        record = begun(store, config, new)
        with carried_out(store, record, config, options.track) as journal:
            result = journal.watch(
                lambda: train_online(config, tasks.prompts, tasks.reward, held_out=tasks.held_out, progress=journal)
            )
        selected = chosen_of(config, result.points).chosen.step if options.select else None
        record = ended(record, "finished", checkpoint=str(result.model))
        store.record_training(record)
    return _trained(record, result, selected)


def _trained(record: TrainingRecord, result: OnlineResult, selected: int | None) -> TrainedOnline:
    return TrainedOnline(
        training=record,
        points=result.points,
        alarms=tuple(f"step {alarm.step}: {alarm}" for alarm in result.alarms),
        selected=selected,
        reward=result.reward,
        steps=result.plan.steps,
        tokens=result.tokens,
        seconds=round(result.seconds, 3),
    )


def _report(trained: TrainedOnline) -> str:
    record, rate = trained.training, trained.tokens / max(trained.seconds, 1e-9)
    lines = [
        f"training {record.id}: {record.algorithm} from {one_line(record.model, 60)}, {trained.steps} steps, reward "
        f"{trained.reward:.3f} at the best checkpoint",
        *held_out_line(trained.points),
        f"{count(trained.tokens)} new tokens in {seconds(trained.seconds)}, {count(round(rate))} a second",
        *(f"alarm at {alarm}" for alarm in trained.alarms[:5]),
        f"model: {record.checkpoint}{'' if trained.selected is None else f' (step {trained.selected}, chosen)'}",
        f"next: reflexa checkpoints {record.id}",
    ]
    return "\n".join(lines)
