"""Groups of samples made by hand."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from reflexa.training.online.rollouts import Group, OnlinePrompt, Rollout, Segment


def rollout(
    reward: float, tokens: Sequence[int] = (5, 6), logprob: float = -1.0, text: str = "", **parts: float
) -> Rollout:
    """One turn of those tokens, all equally likely."""
    segment = Segment(tuple(tokens), (logprob,) * len(tokens))
    return Rollout((segment,), text or str(reward), True, parts or {"reward": reward})


def group(name: str, *rewards: float) -> Group:
    """A prompt of three tokens, and a sample for each reward."""
    return Group(OnlinePrompt(id=name, prompt=name), array("i", [1, 2, 3]), tuple(map(rollout, rewards)))
