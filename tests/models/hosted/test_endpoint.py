"""What cannot be seen through a policy's calls, which ``test_hosted`` makes: how names become endpoints."""

from __future__ import annotations

import pytest

from reflexa.errors import AuthenticationError, UsageError
from reflexa.models.hosted.endpoint import Endpoint, close_idle_connections


def test_a_known_provider_wants_its_own_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.delenv("ANTHROPIC_AUTH_TOKEN", raising=False)
    with pytest.raises(AuthenticationError, match="ANTHROPIC_API_KEY"):
        Endpoint.resolve("anthropic/claude-sonnet-4-5", None)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "canary-value-of-a-key")
    endpoint = Endpoint.resolve("anthropic/claude-sonnet-4-5", None)
    assert (endpoint.provider, endpoint.api_key) == ("anthropic", None)
    assert "canary" not in repr(endpoint), "keys stay in the environment"


def test_a_provider_of_local_models_wants_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OLLAMA_API_BASE", raising=False)
    assert Endpoint.resolve("ollama/qwen", None).provider == "ollama"


@pytest.mark.parametrize("base", ["localhost:8000", "ftp://host/v1"])
def test_an_api_base_must_be_an_address(base: str) -> None:
    with pytest.raises(UsageError, match="http://HOST:PORT"):
        Endpoint.resolve("openai/m", base)


def test_it_is_shown_with_its_server_but_without_passwords() -> None:
    endpoint = Endpoint.resolve("openai/m", "http://me:hunter22@localhost:1/v1")
    assert "localhost:1/v1" in str(endpoint)
    assert "hunter22" not in str(endpoint)


def test_closing_idle_connections_is_harmless_at_any_time() -> None:
    close_idle_connections()
    close_idle_connections()
