"""Hosted embeddings against a real server on loopback."""

from __future__ import annotations

import json

import numpy as np
import pytest

from reflexa.errors import AuthenticationError, PolicyError
from reflexa.models.hosted.embedding import AT_ONCE, HostedEmbedder
from reflexa.models.retrying import Backoff
from tests.support.faulty_server import FaultyServer, Received, Reply, Script, error, reset
from tests.support.hosted import Serve

QUICK = Backoff(first=0.01, most=0.05)


def vectors(received: Received) -> Reply:
    """A vector for each text, its length first; in the reverse of their order."""
    texts = received.body["input"]
    data = [{"object": "embedding", "index": n, "embedding": [len(text), n]} for n, text in enumerate(texts)]
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return Reply(body=json.dumps({"object": "list", "data": data[::-1], "model": "m", "usage": usage}).encode())


def embedder(server: FaultyServer, model: str = "openai/m") -> HostedEmbedder:
    return HostedEmbedder(model, server.url, timeout=10.0, deadline=20.0, backoff=QUICK)


@pytest.mark.parametrize("model", ["openai/m", "hosted_vllm/m"])
def test_texts_become_vectors_in_their_order(serve: Serve, model: str) -> None:
    server = serve(vectors)
    rows = embedder(server, model).embed(["a", "bcd", "\ud800"])
    assert rows.dtype == np.float32
    assert rows.tolist() == [[1.0, 0.0], [3.0, 1.0], [1.0, 2.0]]
    assert server.requests[0].path.endswith("/embeddings")


def test_many_texts_go_in_several_requests(serve: Serve) -> None:
    server = serve(vectors)
    assert embedder(server).embed(["x" * n for n in range(1, AT_ONCE + 3)])[:, 0].tolist() == [
        float(n) for n in range(1, AT_ONCE + 3)
    ]
    assert [len(received.body["input"]) for received in server.requests] == [AT_ONCE, 2]


def test_what_may_pass_is_tried_again(serve: Serve) -> None:
    faults = [error(503, "busy"), reset(), Reply(body=b"{}")]

    def respond(received: Received) -> Reply:
        return faults[received.index] if received.index < len(faults) else vectors(received)

    server = serve(respond)
    assert embedder(server).embed(["ab"]).tolist() == [[2.0, 0.0]]
    assert len(server.requests) == len(faults) + 1


def test_what_will_not_pass_is_told_after_one_request(serve: Serve) -> None:
    server = serve(Script(error(401, "no")))
    with pytest.raises(AuthenticationError, match="refused the key"):
        embedder(server).embed(["ab"])
    assert len(server.requests) == 1


def test_vectors_that_are_missing_are_an_error(serve: Serve) -> None:
    server = serve(Script(Reply(body=b'{"object": "list", "data": [], "model": "m"}')))
    with pytest.raises(PolicyError):
        embedder(server).embed(["ab", "c"])
