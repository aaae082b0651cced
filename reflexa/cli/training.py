"""Carries out ``reflexa train``: the plan, the steps as they go, the checkpoint, and its record."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reflexa.cli.failures import DONE
from reflexa.cli.models import resolve_model
from reflexa.cli.online_training import is_online, start_online
from reflexa.cli.output import emit, emit_json, note
from reflexa.cli.recipes import settings_of
from reflexa.cli.selecting import check_measured, select_by_loss, with_checkpoints
from reflexa.cli.session import Session
from reflexa.cli.text import aligned, count, one_line, seconds
from reflexa.cli.trainings import begun, carried_out, ended, new_id, validated
from reflexa.errors import MissingExtraError
from reflexa.rows import TrainingRecord
from reflexa.types import Frozen

if TYPE_CHECKING:
    from reflexa.cli.options.train import TrainOptions
    from reflexa.memory import Store
    from reflexa.training.config import TrainConfig


class Trained(Frozen):
    """What ``reflexa train --json`` prints: the record, and what the run cost."""

    training: TrainingRecord
    steps: int
    tokens: int
    seconds: float


def start(options: TrainOptions) -> int:
    """Trains, or prints the plan. Returns the exit code."""
    session = Session.here({"database_url": options.database, "sandbox": options.sandbox})
    try:
        from reflexa.training import api
        from reflexa.training.config import TrainConfig
    except ModuleNotFoundError as error:
        raise MissingExtraError("training", "train") from error
    settings = _settings(options, session)
    if is_online(settings):
        return start_online(options, session, settings)
    config = validated(TrainConfig, settings)
    planned = api.plan(config)
    if options.dry_run:
        emit_json(planned) if options.json else emit(aligned(planned.lines()))
        return DONE
    if options.select:
        check_measured(bool(config.held_out), "--held-out FILE")
        config = with_checkpoints(config, planned.steps, keep_all=False)
    note(aligned(planned.lines()))
    with session.open_store() as store:
        record = begun(
            store,
            config,
            TrainingRecord(
                id=new_id(),
                algorithm=config.algorithm,
                model=config.model,
                config=config.model_dump(mode="json"),
                datasets=_datasets(store, config),
                created=time.time(),
            ),
        )
        with carried_out(store, record, config, options.track) as journal:
            result = journal.watch(lambda: api.train(config, journal))
        if options.select:
            select_by_loss(config, result)
        record = ended(record, "finished", checkpoint=str(result.model), loss=result.loss)
        store.record_training(record)
    trained = Trained(training=record, steps=planned.steps, tokens=result.tokens, seconds=round(result.seconds, 3))
    emit_json(trained) if options.json else emit(_report(trained))
    return DONE


def _settings(options: TrainOptions, session: Session) -> dict[str, Any]:
    """What was asked for, from the recipe and the command line."""
    from reflexa.models.local_dequantised import checkpoint_of
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
    return settings


def _datasets(store: Store, config: TrainConfig) -> tuple[str, ...]:
    """The recorded data sets among the run's files, known by the hash of their rows."""
    from reflexa.training.data import files_digest

    hashes = {files_digest([path]) for path in config.data if path.is_file()}
    return tuple(sorted(known.id for known in store.list_datasets() if known.hash in hashes))


def _report(trained: Trained) -> str:
    record = trained.training
    rate = trained.tokens / max(trained.seconds, 1e-9)
    return "\n".join(
        [
            f"training {record.id}: {record.algorithm} from {one_line(record.model, 60)}, {trained.steps} steps, "
            f"loss {record.loss:.4f} at the best checkpoint",
            f"{count(trained.tokens)} tokens in {seconds(trained.seconds)}, {count(round(rate))} a second",
            f"model: {record.checkpoint}",
            f"next: {_next(record)}",
        ]
    )


_SCORERS = {"reward": "reward", "orm": "reward", "prm": "process"}
"""Algorithms whose checkpoints judge instead of answering, and the verifier that each becomes."""


def _next(record: TrainingRecord) -> str:
    verifier = _SCORERS.get(record.algorithm)
    if verifier is not None:
        return f"reflexa verify --verifier {verifier}:{record.checkpoint} ANSWERS.jsonl"
    return f"reflexa run --task SUITE --model {record.checkpoint}"
