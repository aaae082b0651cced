"""PPO's targets from a step's samples: what each token earned, whose it is, and what the critic expected."""

from __future__ import annotations

from array import array
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="needs torch: scripts/reflexa setup train")

from reflexa.errors import UsageError  # noqa: E402
from reflexa.training.algorithms import find_online  # noqa: E402
from reflexa.training.algorithms.ppo import PPO, PPOOptions, advantages, returns  # noqa: E402
from reflexa.training.online.experience import Experience, experience_of  # noqa: E402
from reflexa.training.online.rollouts import Group, OnlinePrompt, Rollout, Segment  # noqa: E402

PLAIN = PPOOptions(kl_reward=0.0, lam=1.0)


def sampled(*rollouts: Rollout) -> Experience:
    group = Group(OnlinePrompt(id="p", prompt="x"), array("i", [1]), rollouts)
    experience = experience_of([group], {})
    return replace(experience, values=torch.zeros(len(experience.old)))


def own(*tokens: int) -> Segment:
    return Segment(tokens, (-1.0,) * len(tokens))


def shown(*tokens: int) -> Segment:
    return Segment(tokens, None)


def rollout(*segments: Segment, reward: float = 0.0, steps: tuple[tuple[int, float], ...] = ()) -> Rollout:
    rewards = {"steps": sum(each for _, each in steps), "reward": reward} if steps else {"reward": reward}
    return Rollout(segments, "", True, rewards, steps)


def test_it_stands_in_the_table() -> None:
    assert find_online("ppo") is PPO


def test_returns_are_the_reward_of_the_whole_answer() -> None:
    experience = sampled(rollout(own(5, 6), reward=1.0), rollout(own(7), reward=-1.0))
    assert returns(experience, PLAIN).tolist() == [1.0, 1.0, -1.0]
    assert advantages(experience, PLAIN).tolist() == pytest.approx([0.5**0.5, 0.5**0.5, -(2**0.5)])


def test_steps_earn_at_their_last_tokens() -> None:
    """Steps of 2 and 1 tokens earn 0.5 and 0.25; the whole another 1."""
    experience = sampled(rollout(own(5, 6, 7), reward=1.0, steps=((1, 0.5), (2, 0.25))))
    assert experience.earned.tolist() == [0.0, 0.5, 1.25]
    assert experience.rewards.tolist() == [[1.75]]
    assert returns(experience, PLAIN).tolist() == [1.75, 1.75, 1.25]


def test_tokens_of_others_are_neither_learnt_nor_counted() -> None:
    """Two turns with an observation between: the last own token earns, and values pass over what was shown."""
    experience = sampled(rollout(own(5), shown(8, 9), own(6), shown(9), reward=1.0))
    experience = replace(experience, values=torch.tensor([0.5, 100.0, 100.0, 0.25, 100.0]))
    told = returns(experience, PPOOptions(kl_reward=0.0, lam=0.0))
    assert told.tolist() == [0.25, 0.0, 0.0, 1.0, 0.0]
    assert advantages(experience, PLAIN)[[1, 2, 4]].tolist() == [0.0] * 3


def test_each_token_pays_its_divergence_from_the_start() -> None:
    """log π_old −1, log π_ref −2 and 0: k1 is 1 and −1; β 0.5 takes half a nat from the first and gives it back."""
    experience = sampled(rollout(own(5, 6), reward=1.0))
    experience = replace(experience, reference=torch.tensor([-2.0, 0.0]))
    told = returns(experience, PPOOptions(kl_reward=0.5, lam=1.0))
    assert told.tolist() == [1.0, 1.5]
    with pytest.raises(UsageError, match="a KL penalty without a reference"):
        returns(replace(experience, reference=None), PPOOptions(kl_reward=0.5))


def test_rewards_can_be_whitened_first() -> None:
    """Totals 3, 1 and −1 become √1.5, 0 and −√1.5; a step's reward is scaled and the shift stands at the end."""
    experience = sampled(
        rollout(own(5, 6), reward=2.0, steps=((0, 1.0),)), rollout(own(7), reward=1.0), rollout(own(8), reward=-1.0)
    )
    told = returns(experience, PPOOptions(kl_reward=0.0, lam=1.0, whiten_rewards=True)).tolist()
    unit = 1.5**0.5
    assert told == pytest.approx([unit, unit / 2, 0.0, -unit], abs=1e-6)
    equal = sampled(rollout(own(5), reward=2.0), rollout(own(6), reward=2.0))
    assert returns(equal, PPOOptions(kl_reward=0.0, lam=1.0, whiten_rewards=True)).tolist() == [0.0, 0.0]


def test_where_nothing_is_learnt_there_is_nothing_to_aim_at() -> None:
    experience = sampled(rollout(shown(5, 6), reward=1.0))
    assert returns(experience, PLAIN).tolist() == [0.0, 0.0]
    assert advantages(experience, PLAIN).tolist() == [0.0, 0.0]


def test_without_values_it_is_refused() -> None:
    with pytest.raises(UsageError, match="without a critic's values"):
        advantages(replace(sampled(rollout(own(5))), values=None), PLAIN)
