"""A checkpoint as a plain folder of transformers, which it and vLLM load: nothing of the training's state in it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import transformers

from reflexa.errors import PolicyError, UsageError
from reflexa.models.checkpoints import ADAPTERS, adapters_in, checkpoint_in
from reflexa.models.local.adapters import load_weights

_STATE = frozenset({"optimizer.safetensors", "training.json", "README.md"})
"""What a trainer's checkpoint holds besides the model."""
_hf: Any = transformers


def export_checkpoint(where: str, folder: Path, *, keep_adapter: bool = False) -> tuple[str, ...]:
    """Writes the checkpoint ``where`` to ``folder``, which must not exist or be empty; the names of its files.

    Adapters are merged into the model that they belong to, in the type that this is kept in; with ``keep_adapter``
    they are written as they are, for peft, beside their tokenizer. The folder appears once all is there. Raises
    ``UsageError`` for what holds no checkpoint, ``PolicyError`` where it cannot be loaded.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} exists and is not empty: name another folder")
    source = adapters_in(where) if keep_adapter else Path(checkpoint_in(where)).expanduser()
    aside = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        if (source / ADAPTERS).is_file() and not keep_adapter:
            _write_merged(source, aside)
        else:
            _copy(source, aside)
        if folder.exists():
            folder.rmdir()
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return tuple(sorted(path.name for path in folder.iterdir()))


def _copy(source: Path, aside: Path) -> None:
    files = [path for path in source.iterdir() if path.is_file() and path.name not in _STATE]
    if not any(path.suffix == ".safetensors" for path in files):
        raise UsageError(f"{source} holds no checkpoint: expected config.json and *.safetensors in it")
    aside.mkdir(parents=True)
    for path in files:
        shutil.copy2(path, aside / path.name)


def _write_merged(source: Path, aside: Path) -> None:
    _hf.logging.set_verbosity_error()
    _hf.logging.disable_progress_bar()
    try:
        model = load_weights(str(source), None)
        tokenizer = _hf.AutoTokenizer.from_pretrained(source)
    except (OSError, ValueError) as error:
        raise PolicyError(f"{source} cannot be loaded: {' '.join(str(error).split())[:300]}") from error
    model.save_pretrained(aside)
    tokenizer.save_pretrained(aside)
