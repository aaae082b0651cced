"""wordllama: means of token vectors, 256 dimensions. Its package brings the weights: nothing is ever downloaded."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reflexa.errors import MissingExtraError, PolicyError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DIMENSIONS = 256
"""Those of the weights in the package; others would have to be downloaded."""


class WordLlamaEmbedder:
    """Embeds thousands of texts a second without torch. Loaded when the first text is embedded."""

    name = "wordllama"

    def __init__(self) -> None:
        if find_spec("wordllama") is None:
            raise MissingExtraError("the embedder wordllama", "embed")
        self._lock = threading.Lock()
        self._loaded: Any = None

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors [texts, 256]. Raises ``PolicyError`` where the package lacks its weights."""
        import numpy as np

        with self._lock:
            if self._loaded is None:
                self._loaded = _load()
            return np.asarray(self._loaded.embed(list(texts)), np.float32)


def _load() -> Any:
    # Its tokenizer would start threads, and then warn of every process that is forked.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    import wordllama

    # As a cache its own folder is searched under the names that its folders have; of itself it misses its tokenizer.
    package = Path(wordllama.__file__).parent
    try:
        return wordllama.WordLlama.load(dim=DIMENSIONS, cache_dir=package, disable_download=True)
    except (OSError, ValueError) as error:
        raise PolicyError(f"wordllama lacks its weights ({error}): install the package anew") from error
