"""Samples token by token: whose each is, and what is learnt."""

from __future__ import annotations

from reflexa.training.online.rollouts import Rollout, Segment


def test_tokens_keep_their_author() -> None:
    parts = (
        Segment((1, 2), (-0.1, -0.2)),
        Segment((3,), None),
        Segment((4, 5), (-0.4, -0.5), learnt=False),
    )
    rollout = Rollout(parts, "said", True, {"reward": 1.0})
    assert rollout.tokens == [1, 2, 3, 4, 5]
    assert rollout.logprobs == [-0.1, -0.2, 0.0, -0.4, -0.5]
    assert rollout.mask == [1.0, 1.0, 0.0, 0.0, 0.0]
    assert rollout.length == 4
