"""Folders of checkpoints: a plain one, adapters on top of another model, or a training run's with both below it."""

from __future__ import annotations

from pathlib import Path

from reflexa.errors import UsageError

_STEPS = "checkpoints/step-*"
ADAPTERS = "adapter_config.json"
"""What a folder has that holds low-rank adapters alone."""


def is_checkpoint(folder: Path) -> bool:
    """Whether a folder holds a model, or adapters on top of one."""
    has = (folder / "config.json").is_file() or (folder / ADAPTERS).is_file()
    return has and any(folder.glob("*.safetensors"))


def checkpoint_in(where: str) -> str:
    """The checkpoint that a folder holds or, where a training run's output is named, the model that the run made.

    What names no folder is returned as it is. Raises ``UsageError`` for a run that has made none yet.
    """
    folder = Path(where).expanduser()
    if not folder.is_dir() or is_checkpoint(folder):
        return where
    if is_checkpoint(folder / "model"):
        return str(folder / "model")
    steps = sorted(path for path in folder.glob(_STEPS) if is_checkpoint(path))
    if steps:
        raise UsageError(
            f"the training in {where} has not ended: resume it, or name a checkpoint of it, such as {steps[-1]}"
        )
    return where


def whole_checkpoint_in(where: str) -> str:
    """``checkpoint_in`` for what is to be trained further. Raises ``UsageError`` for adapters alone."""
    found = checkpoint_in(where)
    if (Path(found) / ADAPTERS).is_file():
        raise UsageError(
            f"{found} holds adapters alone: merge them first (reflexa models export {found} -o FOLDER), and begin from "
            "that folder"
        )
    return found


def adapters_in(where: str) -> Path:
    """The folder of the adapters that a training run made, or that ``where`` itself is. Raises ``UsageError``."""
    folder = Path(where).expanduser()
    output = folder.parent if folder.name == "model" else folder
    candidates = [folder, *sorted(output.glob(_STEPS), reverse=True)]
    found = next((path for path in candidates if (path / ADAPTERS).is_file()), None)
    if found is None:
        raise UsageError(f"{where} was trained as a whole: it has no adapters to keep; leave out --keep-adapter")
    return found
