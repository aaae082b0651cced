from __future__ import annotations

from collections.abc import Iterator

import pytest

from reflexa.types import Sampling
from tests.support.faulty_server import FaultyServer, Responder, Script
from tests.support.hosted import ASK, MODELS, OK, Serve, quick
from tests.support.trained import Trained, train_both


@pytest.fixture
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without the keys and addresses of the providers that the tests name."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE", "HOSTED_VLLM_API_KEY", "HOSTED_VLLM_API_BASE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def warm_litellm() -> None:
    """litellm's first call of each kind imports for seconds, which must not count against a test's deadline."""
    for model in MODELS:
        with FaultyServer(Script(OK)) as server:
            policy = quick(server, model)
            policy.generate(ASK, Sampling())
            policy.close()


@pytest.fixture
def serve(no_keys: None, warm_litellm: None) -> Iterator[Serve]:
    """Starts servers that are closed with the test."""
    servers: list[FaultyServer] = []

    def start(respond: Responder) -> FaultyServer:
        servers.append(FaultyServer(respond))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """What two short training runs left behind."""
    return train_both(tmp_path_factory.mktemp("trained"))
