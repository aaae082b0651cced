from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

from reflexa.errors import UsageError
from reflexa.models import open_embedder
from reflexa.models.hosted.embedding import HostedEmbedder


def test_embedders_by_name() -> None:
    assert open_embedder("none") is None
    for name in ("wordllama", "litellm:text-embedding-3-small"):
        embedder = open_embedder(name)
        assert embedder is not None
        assert embedder.name == name
    assert isinstance(embedder, HostedEmbedder)


@pytest.mark.parametrize("name", ["wordlama", "", "litellm:", "st:", "openai:x", "none:x"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match=f"unknown embedder {name!r}"):
        open_embedder(name)


@pytest.mark.skipif(find_spec("sentence_transformers") is not None, reason="sentence-transformers is installed")
def test_a_sentence_transformer_needs_its_package() -> None:
    with pytest.raises(UsageError, match=r"st:some/model needs a package .*pip install sentence-transformers"):
        open_embedder("st:some/model")


def test_opening_one_loads_nothing() -> None:
    code = (
        "import sys; from reflexa.models.embedding import open_embedder; open_embedder('wordllama'); "
        "open_embedder('litellm:m'); print([name for name in ('wordllama', 'litellm', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
