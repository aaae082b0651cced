from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from reflexa.models.wordllama import DIMENSIONS, WordLlamaEmbedder
from reflexa.protocols import Embedder

OFFLINE = """
import socket, sys
def refuse(*arguments): raise AssertionError("a connection was tried")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from reflexa.models.wordllama import WordLlamaEmbedder
print(WordLlamaEmbedder().embed(["a list"]).shape, "torch" in sys.modules)
"""


@pytest.fixture(scope="module")
def embedder() -> WordLlamaEmbedder:
    return WordLlamaEmbedder()


def test_likeness_of_meaning_is_nearness(embedder: WordLlamaEmbedder) -> None:
    rows = embedder.embed(["sort a list of numbers", "order integers ascending", "the weather in Paris"])
    assert rows.shape == (3, DIMENSIONS)
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    assert units[0] @ units[1] > units[0] @ units[2] + 0.1


def test_a_text_has_the_same_vector_in_any_company(embedder: WordLlamaEmbedder) -> None:
    alone = embedder.embed(["a list"])
    among = embedder.embed(["a list", "something much longer than the list that it stands beside", ""])
    assert np.allclose(alone[0], among[0], atol=1e-5)
    assert np.isfinite(among).all()
    assert isinstance(embedder, Embedder)


def test_it_makes_no_connection_and_needs_no_torch() -> None:
    done = subprocess.run([sys.executable, "-c", OFFLINE], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"(1, {DIMENSIONS}) False"
