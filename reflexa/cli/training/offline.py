"""Carries out ``reflexa train``: the plan, the steps as they go, the checkpoint, and its record."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reflexa.cli.failures import DONE
from reflexa.cli.models import resolve_model
from reflexa.cli.output import emit, emit_json, note
from reflexa.cli.session import Session
from reflexa.cli.text import aligned, count, one_line, seconds
from reflexa.cli.training.common import begun, carried_out, ended, held_out_line, new_id, shown, validated
from reflexa.cli.training.examining import judged, source_of
from reflexa.cli.training.online import is_online, start_online
from reflexa.cli.training.recipes import settings_of
from reflexa.cli.training.selecting import check_measured, chosen_of, select_by_loss, with_checkpoints
from reflexa.errors import MissingExtraError
from reflexa.rows import CheckpointPoint, TrainingRecord
from reflexa.types import Frozen

if TYPE_CHECKING:
    from reflexa.cli.options.train import TrainOptions
    from reflexa.memory import Store
    from reflexa.training.config import TrainConfig
    from reflexa.training.measuring import HeldOutTasks


class Trained(Frozen):
    """What ``reflexa train --json`` prints: the record, the checkpoints' points, and what the run cost."""

    training: TrainingRecord
    points: tuple[CheckpointPoint, ...] = ()
    selected: int | None = None
    steps: int
    tokens: int
    seconds: float


def start(options: TrainOptions) -> int:
    """Trains, or prints the plan. Returns the exit code.

    Of several processes of one run only the first prints and records.
    """
    session = Session.here({"database_url": options.database, "sandbox": options.sandbox})
    try:
        from reflexa.training.engine.processes import joined
    except ModuleNotFoundError as error:
        raise MissingExtraError("training", "train") from error
    with joined() as processes:
        settings = _settings(options, session)
        # Made of the time, where it was not named: all processes write to the first one's.
        settings["output"] = processes.gather(settings["output"])[0]
        begin = start_online if is_online(settings) else _start_on_rows
        return begin(options, session, settings, processes.first)


def _start_on_rows(options: TrainOptions, session: Session, settings: dict[str, Any], first: bool) -> int:
    """Trains on rows, or prints the plan, as ``start`` does."""
    from reflexa.training import api
    from reflexa.training.config import TrainConfig

    source = source_of(settings.pop("tasks", {}))
    config = validated(TrainConfig, settings)
    with judged(source, config, session, options.allow_weak_sandbox) as tasks:
        planned = api.plan(config, tasks)
        if options.dry_run:
            return shown(planned, options.json) if first else DONE
        if options.select:
            check_measured(bool(config.held_out) or tasks is not None, "--held-out FILE or --task SUITE")
            config = with_checkpoints(config, planned.steps, keep_all=tasks is not None)
        if not first:
            api.train(config, tasks=tasks)
            return DONE
        note(aligned(planned.lines()))
        how = {} if source is None else {"tasks": source.model_dump(mode="json")}
        trained = _recorded(options, session, config, how, tasks)
    emit_json(trained) if options.json else emit(report(trained))
    return DONE


def _recorded(
    options: TrainOptions,
    session: Session,
    config: TrainConfig,
    how: Mapping[str, Any],
    tasks: HeldOutTasks | None,
) -> Trained:
    from reflexa.training import api

    with session.open_store() as store:
        new = TrainingRecord(
            id=new_id(),
            algorithm=config.algorithm,
            model=config.model,
            config={**config.model_dump(mode="json"), **how},
            datasets=_datasets(store, config),
            created=time.time(),
        )
        record = begun(store, config, new)
        with carried_out(store, record, config, options.track) as journal:
            result = journal.watch(lambda: api.train(config, journal, tasks=tasks))
        selected: int | None = None
        if options.select and tasks is not None:
            selected = chosen_of(config, result.points).chosen.step
        elif options.select:
            select_by_loss(config, result)
        record = ended(record, "finished", checkpoint=str(result.model), loss=result.loss)
        store.record_training(record)
    return Trained(
        training=record,
        points=result.points,
        selected=selected,
        steps=result.plan.steps,
        tokens=result.tokens,
        seconds=round(result.seconds, 3),
    )


def _settings(options: TrainOptions, session: Session) -> dict[str, Any]:
    """What was asked for, from the recipe and the command line."""
    from reflexa.models.local.dequantised import checkpoint_of
    from reflexa.training.algorithms import list_algorithms, list_online

    folder = session.workspace.root / "training"
    names = [*(each.name for each in list_algorithms()), *(each.name for each in list_online())]
    settings = settings_of(options, names, folder)
    settings["model"] = checkpoint_of(resolve_model(settings.get("model", session.settings.model), session))
    name = Path(options.what).stem
    settings["output"] = (
        Path(options.out).expanduser().resolve()
        if options.out
        else Path(settings.get("output") or folder / "runs" / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}")
    )
    settings["resume"] = options.resume
    if "max_new_tokens" in settings and not is_online(settings):
        settings["points"] = {**settings.get("points", {}), "max_new_tokens": settings.pop("max_new_tokens")}
    return settings


def _datasets(store: Store, config: TrainConfig) -> tuple[str, ...]:
    """The recorded data sets among the run's files, known by the hash of their rows."""
    from reflexa.training.data import files_digest

    hashes = {files_digest([path]) for path in config.data if path.is_file()}
    return tuple(sorted(known.id for known in store.list_datasets() if known.hash in hashes))


def report(trained: Trained) -> str:
    """What a finished training says of itself."""
    record = trained.training
    rate = trained.tokens / max(trained.seconds, 1e-9)
    return "\n".join(
        [
            f"training {record.id}: {record.algorithm} from {one_line(record.model, 60)}, {trained.steps} steps, "
            f"loss {record.loss:.4f} at the best checkpoint",
            *held_out_line(trained.points),
            f"{count(trained.tokens)} tokens in {seconds(trained.seconds)}, {count(round(rate))} a second",
            f"model: {record.checkpoint}{'' if trained.selected is None else f' (step {trained.selected}, chosen)'}",
            f"next: {_next(trained)}",
        ]
    )


_SCORERS = {"reward": "reward", "orm": "reward", "prm": "process"}
"""Algorithms whose checkpoints judge instead of answering, and the verifier that each becomes."""


def _next(trained: Trained) -> str:
    record = trained.training
    if trained.points:
        return f"reflexa checkpoints {record.id}"
    verifier = _SCORERS.get(record.algorithm)
    if verifier is not None:
        return f"reflexa verify --verifier {verifier}:{record.checkpoint} ANSWERS.jsonl"
    return f"reflexa run --task SUITE --model {record.checkpoint}"
