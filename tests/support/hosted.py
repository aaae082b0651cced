"""What the tests of hosted models share: a quick policy, a server of the test's own, the calls that they make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from reflexa.errors import ReflexaError
from reflexa.models.hosted.policy import HostedPolicy
from reflexa.models.retrying import Backoff
from reflexa.types import Message, Sampling
from tests.support.faulty_server import FaultyServer, Responder, answer

ASK = (Message(role="user", content="hi"),)
OK = answer("hello there")
MODELS = ["openai/m", "hosted_vllm/m"]
"""One that litellm asks through OpenAI's client, and one that it asks through its own."""

Serve = Callable[[Responder], FaultyServer]


def quick(server: FaultyServer, model: str = "openai/m", **options: Any) -> HostedPolicy:
    """A policy whose waits are short enough for tests."""
    chosen = {"timeout": 5.0, "deadline": 20.0, "backoff": Backoff(first=0.01, most=0.05), **options}
    return HostedPolicy(model, server.url, **chosen)


def failure(policy: HostedPolicy) -> ReflexaError:
    with pytest.raises(ReflexaError) as caught:
        policy.generate(ASK, Sampling())
    return caught.value
