"""Checkpoints that are adapters on top of another model: loaded with the adapters merged into its weights."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import torch
import transformers

from reflexa.errors import MissingExtraError, UsageError
from reflexa.models.checkpoints import ADAPTERS, checkpoint_in

# transformers is typed in parts only, and some of its functions not at all.
_hf: Any = transformers


def load_weights(where: str, dtype: torch.dtype | None) -> Any:
    """The causal model of a checkpoint; without ``dtype`` in the type that it was written in.

    Only safetensors are read, and no code of a repository is run. Raises ``UsageError`` where the model that adapters
    belong to is gone, and whatever transformers raises for files that it cannot use.
    """
    config = Path(where) / ADAPTERS
    if not config.is_file():
        return _load(where, dtype or "auto")
    base = json.loads(config.read_text(encoding="utf-8")).get("base_model_name_or_path") or ""
    try:
        model = _load(checkpoint_in(base), torch.float32)
    except OSError as error:
        raise UsageError(
            f"{where} holds adapters of the model {base!r}, which cannot be loaded: bring it back to where it was, or "
            "correct base_model_name_or_path in adapter_config.json"
        ) from error
    written = _hf.AutoConfig.from_pretrained(checkpoint_in(base)).dtype
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers for a name that it is about to drop
        merged = _peft().PeftModel.from_pretrained(model, where).merge_and_unload()
    return merged.to(dtype or written or torch.float32)


def _load(where: str, dtype: torch.dtype | str) -> Any:
    return _hf.AutoModelForCausalLM.from_pretrained(where, dtype=dtype, use_safetensors=True)


def _peft() -> Any:
    try:
        import peft
    except ModuleNotFoundError as error:
        raise MissingExtraError("running adapters", "train") from error
    return peft
