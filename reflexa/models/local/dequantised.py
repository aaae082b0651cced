"""A GGUF as a transformers checkpoint: made once, kept in the user's cache. What is to be trained must be one."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from reflexa.errors import MissingExtraError, PolicyError
from reflexa.models.checkpoints import whole_checkpoint_in
from reflexa.models.embedded import embedded_path


def checkpoint_of(spec: str) -> str:
    """What transformers loads for a model string: ``embedded`` and ``gguf:FILE`` are dequantised, ``hf:`` is dropped,
    and the folder of a training run is the model that it made.

    Raises ``PolicyError`` where a GGUF cannot be read, ``UsageError`` for a folder that holds no whole model.
    """
    if spec == "embedded":
        return str(dequantised(embedded_path()))
    if spec.startswith("gguf:"):
        return str(dequantised(Path(spec.removeprefix("gguf:")).expanduser()))
    return whole_checkpoint_in(spec.removeprefix("hf:"))


def dequantised(source: Path) -> Path:
    """The checkpoint folder of a GGUF file, in bf16; the first call for a file takes a minute."""
    if not source.is_file():
        raise PolicyError(f"there is no GGUF file {str(source)!r}")
    folder = user_cache_path("reflexa") / "dequantised" / f"{source.stem}-{_digest(source)}"
    if folder.is_dir():
        return folder
    aside = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        _convert(source, aside)
        folder.parent.mkdir(parents=True, exist_ok=True)
        aside.replace(folder)
    except OSError:
        if not folder.is_dir():  # else another process was faster
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return folder


def _convert(source: Path, folder: Path) -> None:
    try:
        import gguf  # noqa: F401  transformers needs it, and says so only after minutes
        import torch
        import transformers
    except ModuleNotFoundError as error:
        raise MissingExtraError("turning a GGUF into a checkpoint", "train") from error
    hf: Any = transformers
    hf.logging.set_verbosity_error()
    hf.logging.disable_progress_bar()
    try:
        with redirect_stderr(io.StringIO()):  # a progress bar that no setting turns off
            model = hf.AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name, dtype=torch.bfloat16)
            tokenizer = hf.AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    except Exception as error:  # transformers raises a dozen unrelated types for files that it cannot use
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise PolicyError(f"{source} cannot be turned into a checkpoint: {reason}") from error
    # transformers still takes the dequantised model for a quantised one, and would refuse to write it.
    model.hf_quantizer, model.is_quantized = None, False
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)


def _digest(source: Path) -> str:
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]
