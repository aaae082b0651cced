"""What was sampled, as tensors: the numbers that advantages are made of, and the rows that the trainer computes."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from reflexa.models.local.encoding import Tokens
from reflexa.training.engine.packing import Example
from reflexa.training.online.rewards import total
from reflexa.training.online.rollouts import STEPS, Group, Rollout


@dataclass(frozen=True, eq=False)
class Experience:
    """The samples of one step, on the CPU.

    ``rewards`` [prompts, samples] are weighted sums of their parts; ``earned`` [tokens] where in an answer: a step's at
    its last token, all else at the last token that is learnt. Tokens lie completion by completion: ``old``
    [tokens] the sampling policy's log-probabilities (0 for tokens that are not its own), ``mask`` [tokens] 1.0 where a
    token is learnt; ``counts`` [completions] how many tokens each has. ``reference`` [tokens]: the starting model's
    log-probabilities, None where they are not wanted; ``values`` [tokens]: a critic's, None where there is none.
    """

    groups: tuple[Group, ...]
    rewards: Tensor
    earned: Tensor
    old: Tensor
    mask: Tensor
    counts: Tensor
    reference: Tensor | None = None
    values: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Trajectories(Example):
    """A prompt with completions to learn from. ``old``, ``advantages``, ``mask`` and ``reference`` [completion tokens]
    are as in ``Experience``, completion by completion.
    """

    old: Tensor = field(kw_only=True)
    advantages: Tensor = field(kw_only=True)
    mask: Tensor = field(kw_only=True)
    reference: Tensor | None = field(default=None, kw_only=True)


def experience_of(groups: Sequence[Group], weights: Mapping[str, float]) -> Experience:
    """Groups of equally many samples as tensors."""
    rollouts = [rollout for group in groups for rollout in group.rollouts]
    return Experience(
        groups=tuple(groups),
        rewards=torch.tensor([[total(one.rewards, weights) for one in group.rollouts] for group in groups]),
        earned=torch.tensor([value for one in rollouts for value in _earned(one, weights)]),
        old=torch.tensor([value for one in rollouts for value in one.logprobs]),
        mask=torch.tensor([value for one in rollouts for value in one.mask]),
        counts=torch.tensor([len(one.tokens) for one in rollouts]),
    )


def trees(groups: Sequence[Group], tokens: int) -> list[Example]:
    """The groups as trees, in order; one of more than ``tokens`` tokens as several with the same prompt."""
    return [
        Example(group.tokens, completions)
        for group in groups
        for completions in _fitting(group, max(1, tokens - len(group.tokens)))
    ]


def trajectories(examples: Sequence[Example], experience: Experience, advantages: Tensor) -> list[Trajectories]:
    """The trees with what is learnt of each token."""
    sizes = [sum(map(len, example.completions)) for example in examples]
    columns = [torch.split(column, sizes) for column in (experience.old, advantages, experience.mask)]
    reference = None if experience.reference is None else torch.split(experience.reference, sizes)
    return [
        Trajectories(
            example.prompt,
            example.completions,
            old=columns[0][index],
            advantages=columns[1][index],
            mask=columns[2][index],
            reference=None if reference is None else reference[index],
        )
        for index, example in enumerate(examples)
    ]


def _earned(rollout: Rollout, weights: Mapping[str, float]) -> list[float]:
    """What each of a sample's tokens earned."""
    mask = rollout.mask
    earned = [0.0] * len(mask)
    last = max((place for place, learnt in enumerate(mask) if learnt), default=len(mask) - 1)
    weight = weights.get(STEPS, 1.0)
    earned[last] = total(rollout.rewards, weights) - weight * sum(reward for _, reward in rollout.steps)
    for place, reward in rollout.steps:
        earned[place] += weight * reward
    return earned


def informative(row: Trajectories) -> Trajectories | None:
    """The tree with those completions alone whose advantages are not all 0: the others have no gradient unless a loss
    has a KL term. None where none is left.
    """
    sizes = [len(completion) for completion in row.completions]
    teaches = [bool((part != 0).any()) for part in torch.split(row.advantages * row.mask, sizes)]
    if all(teaches):
        return row
    return _chosen(row, [index for index, each in enumerate(teaches) if each]) if any(teaches) else None


def first(row: Trajectories) -> Trajectories:
    """The tree with its first completion alone."""
    return _chosen(row, [0])


def weight_of(rows: Sequence[Trajectories], by_token: bool) -> float:
    """How many learnt tokens the rows have, or how many completions."""
    return sum(float(row.mask.sum()) if by_token else float(len(row.completions)) for row in rows)


def _chosen(row: Trajectories, places: Sequence[int]) -> Trajectories:
    sizes = [len(completion) for completion in row.completions]

    def of(column: Tensor) -> Tensor:
        parts = torch.split(column, sizes)
        return torch.cat([parts[place] for place in places])

    return Trajectories(
        row.prompt,
        tuple(row.completions[place] for place in places),
        old=of(row.old),
        advantages=of(row.advantages),
        mask=of(row.mask),
        reference=None if row.reference is None else of(row.reference),
    )


def _fitting(group: Group, room: int) -> Iterator[tuple[Tokens, ...]]:
    part: list[Tokens] = []
    for rollout in group.rollouts:
        completion = array("i", rollout.tokens)
        if part and sum(map(len, part)) + len(completion) > room:
            yield tuple(part)
            part = []
        part.append(completion)
    yield tuple(part)
