"""Embedding models of the sentence-transformers library, on this machine."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from reflexa.errors import PolicyError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class SentenceEmbedder:
    """A model folder, or a repository of the hub; loaded when the first text is embedded. No code of it is run."""

    def __init__(self, model: str) -> None:
        if find_spec("sentence_transformers") is None:
            raise UsageError(
                f"embedder st:{model} needs a package that is not installed: pip install sentence-transformers"
            )
        self.name = f"st:{model}"
        self._model = model
        self._lock = threading.Lock()
        self._loaded: Any = None

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors [texts, dimensions]. Raises ``PolicyError`` where the model cannot be loaded."""
        import numpy as np

        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return np.asarray(self._loaded.encode(list(texts), show_progress_bar=False), np.float32)

    def _load(self) -> Any:
        from sentence_transformers import SentenceTransformer

        try:
            return SentenceTransformer(self._model, trust_remote_code=False)
        except (OSError, ValueError) as error:
            raise PolicyError(f"{self.name} cannot be loaded: {error}") from error
