"""What closing a local policy must do, whichever engine it runs on."""

from __future__ import annotations

import threading

import pytest

from reflexa.errors import PolicyError
from reflexa.protocols import Policy
from reflexa.types import Message, Sampling

HI = (Message(role="user", content="Hi"),)
FOR_MINUTES = Sampling(max_tokens=60_000)
"""Only a cancelled call can end within the test: the policy's context must hold as many tokens."""


def closing_ends_calls(policy: Policy, words: str) -> None:
    """Closes the policy with three calls under way: each ends with these words, and further ones are refused."""
    outcomes: list[str] = []

    def ask() -> None:
        with pytest.raises(PolicyError, match=words) as caught:
            policy.generate(HI, FOR_MINUTES)
        outcomes.append(str(caught.value))

    callers = [threading.Thread(target=ask) for _ in range(3)]
    for caller in callers:
        caller.start()
    threading.Event().wait(0.3)
    policy.close()
    for caller in callers:
        caller.join()
    assert len(outcomes) == 3
    with pytest.raises(PolicyError, match="is closed"):
        policy.generate(HI, Sampling(max_tokens=1))
    policy.close()
