from __future__ import annotations

from pathlib import Path

import pytest

from reflexa.errors import PolicyError
from reflexa.models.local.embedding import SentenceEmbedder


def test_a_folder_that_is_no_model_is_a_clear_error(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers", reason="sentence-transformers is an optional package of its own")
    with pytest.raises(PolicyError, match="cannot be loaded"):
        SentenceEmbedder(str(tmp_path)).embed(["text"])
