"""Models that judge without a reply, by name: trained reward models, and likelihoods of language models."""

from __future__ import annotations

from reflexa.errors import MissingExtraError
from reflexa.protocols import Chooser, Scorer


def open_scorer(checkpoint: str) -> Scorer:
    """The scorer of a checkpoint folder or a repository of the hub, with or without ``hf:`` before it.

    Raises ``MissingExtraError`` without torch and transformers, ``PolicyError`` where it cannot be loaded.
    """
    try:
        from reflexa.models.local.scorer import LocalScorer
    except ModuleNotFoundError as error:
        raise MissingExtraError("scoring with trained reward models", "train") from error
    return LocalScorer(checkpoint.removeprefix("hf:"))


def open_chooser(model: str) -> Chooser:
    """The likelihoods of a checkpoint: a folder, a repository of the hub, ``embedded`` or ``gguf:FILE``.

    Raises ``MissingExtraError`` without torch and transformers, ``PolicyError`` where it cannot be loaded.
    """
    try:
        from reflexa.models.local.chooser import LocalChooser
        from reflexa.models.local.dequantised import checkpoint_of
    except ModuleNotFoundError as error:
        raise MissingExtraError("asking a model for likelihoods", "train") from error
    return LocalChooser(checkpoint_of(model))
