"""Embedders by name."""

from __future__ import annotations

from reflexa.errors import unknown_name
from reflexa.protocols import Embedder

FORMS = ("none", "wordllama", "litellm:MODEL", "st:MODEL")


def open_embedder(name: str) -> Embedder | None:
    """The embedder of this name; None for ``none``.

    Nothing is loaded and no request is made before the first text is embedded. Raises ``UsageError`` for an unknown
    name, or where a package is not installed.
    """
    kind, _, model = name.partition(":")
    if name == "none":
        return None
    if name == "wordllama":
        from reflexa.models.wordllama import WordLlamaEmbedder

        return WordLlamaEmbedder()
    if kind == "litellm" and model:
        from reflexa.models.hosted.embedding import HostedEmbedder

        return HostedEmbedder(model)
    if kind == "st" and model:
        from reflexa.models.local.embedding import SentenceEmbedder

        return SentenceEmbedder(model)
    raise unknown_name("embedder", name, FORMS)
