"""Models by name: the forms of model strings, those trained here with their ancestry, and what exports one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reflexa.cli.failures import DONE
from reflexa.cli.output import emit, emit_json, note
from reflexa.cli.session import Session
from reflexa.cli.text import aligned, one_line, plural
from reflexa.errors import MissingExtraError, UsageError
from reflexa.models import list_models
from reflexa.models.checkpoints import checkpoint_in

if TYPE_CHECKING:
    from reflexa.cli.options.models import ExportOptions, ListOptions
    from reflexa.memory import Store
    from reflexa.memory.lineage.trained import TrainedModel

_ID = re.compile(r"t[0-9a-f]{8}|i[0-9a-f]{8}(-\d+)?")
"""A training's id, a round's of a circle, or a circle's, whose champion is meant."""


_NAME = 40


def resolve_model(spec: str, session: Session) -> str:
    """The model that a string names, fit to be recorded: for the id of a training or an improvement the checkpoint that
    it made, for a training run's folder the model in it, as an absolute path; anything else as it is.

    Raises ``UsageError`` for an id that is unknown or has made no model yet.
    """
    if _ID.fullmatch(spec):
        with session.open_store() as store:
            return _made_by(store, spec)
    folder = Path(checkpoint_in(spec.removeprefix("hf:"))).expanduser()
    return str(folder.resolve()) if folder.is_dir() else spec


def show(options: ListOptions) -> int:
    """``reflexa models list``."""
    forms, made = list_models(), _trained(Session.here({"database_url": options.database}), options.limit)
    if options.json:
        emit_json({"forms": [form.model_dump() for form in forms], "trained": [each.model_dump() for each in made]})
        return DONE
    rows = [("model", "ready", "what")]
    rows += [(form.form, "yes" if form.ready else "no", form.what) for form in forms]
    emit(aligned(rows))
    for form in forms:
        if not form.ready and form.hint:
            emit(f"to use {form.form}: {form.hint}")
    if made:
        head: tuple[str, ...] = ("trained", "by", "loss", "from", "checkpoint", "")
        emit("\n" + aligned([head, *map(_row, made)], right=(2,)))
    return DONE


def export(options: ExportOptions) -> int:
    """``reflexa models export``."""
    session = Session.here({"database_url": options.database})
    where = resolve_model(options.checkpoint, session)
    _warn_of_retraction(session, where)
    try:
        from reflexa.models.local.export import export_checkpoint
    except ModuleNotFoundError as error:
        raise MissingExtraError("exporting a model", "train") from error
    folder = Path(options.out).expanduser()
    files = export_checkpoint(where, folder, keep_adapter=options.keep_adapter)
    if options.json:
        found: dict[str, Any] = {"checkpoint": where, "folder": str(folder), "files": list(files)}
        emit_json(found)
    else:
        emit(f"{one_line(where)} in {one_line(str(folder))}: {plural(len(files), 'file')}")
        emit(f"next: reflexa run --task SUITE --model {one_line(str(folder))} · vllm serve {one_line(str(folder))}")
    return DONE


def _made_by(store: Store, name: str) -> str:
    if name.startswith("i") and "-" not in name:
        ledger = store.find_improvement(name)
        promoted = [each["checkpoint"] for each in ledger["rounds"] if each.get("promoted") and each.get("checkpoint")]
        return str(promoted[-1] if promoted else ledger["config"]["model"])
    training = store.find_training(name)
    if training.checkpoint is None:
        raise UsageError(f"the training {name} is {training.status} and has made no model yet: resume it")
    return training.checkpoint


def _trained(session: Session, limit: int) -> list[TrainedModel]:
    if not _has_database(session):
        return []
    with session.open_store() as store:
        return store.ancestry.models(limit)


def _row(made: TrainedModel) -> tuple[str, ...]:
    state = "RETRACTED" if made.retracted else "" if made.there else "gone"
    loss = "" if made.loss is None else f"{made.loss:.4f}"
    came_from = " ← ".join(map(_short, made.ancestry[1:]))
    return made.training, made.algorithm, loss, came_from, one_line(made.checkpoint), state


def _short(name: str) -> str:
    """A model's name, of a long path its end."""
    line = one_line(name)
    return line if len(line) <= _NAME else "…" + line[-_NAME:]


def _warn_of_retraction(session: Session, where: str) -> None:
    if not _has_database(session):
        return
    with session.open_store() as store:
        store.ancestry.renew()
        mark = store.ancestry.retracted_model(where)
    if mark is not None:
        note(f"warning: {one_line(where)} {one_line(mark.words)}")


def _has_database(session: Session) -> bool:
    """Whether there is a database already: looking makes none."""
    from reflexa.memory.location import locate

    path = locate(session.database).path
    return path is None or path.exists()
