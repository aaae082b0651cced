"""Which prompts come next: every epoch in an order of its own, those set aside left out until they are tried again."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
from pydantic import Field

from reflexa.training.online.config import GateConfig
from reflexa.training.online.rollouts import Group, OnlinePrompt
from reflexa.types import Frozen


class DeckState(Frozen):
    """How far a deck has come. ``drawn`` counts places passed in the endless order; ``streaks`` how often in a row a
    prompt was solved always or never; ``aside`` the step at which one was set aside, by the prompt's id.
    """

    drawn: int = Field(default=0, ge=0)
    streaks: dict[str, int] = Field(default_factory=dict)
    aside: dict[str, int] = Field(default_factory=dict)


class Deck:
    """Draws prompts. All that it does follows from the seed, its state and what it is told."""

    def __init__(self, prompts: Sequence[OnlinePrompt], seed: int, gates: GateConfig | None, state: DeckState) -> None:
        self._prompts, self._seed, self._gates, self.state = prompts, seed, gates, state
        self._order = lru_cache(maxsize=2)(self._shuffled)

    @property
    def epochs(self) -> float:
        """How often all prompts have come up."""
        return self.state.drawn / len(self._prompts)

    def draw(self, count: int, step: int) -> list[OnlinePrompt]:
        """The next ``count`` prompts. Where nearly all are set aside, some of these come all the same."""
        drawn: list[OnlinePrompt] = []
        place, passed = self.state.drawn, 0
        while len(drawn) < count:
            prompt = self._at(place)
            place += 1
            if self._is_aside(prompt, step) and passed < len(self._prompts):
                passed += 1
            else:
                drawn.append(prompt)
        self.state = self.state.model_copy(update={"drawn": place})
        return drawn

    def told(self, groups: Sequence[Group], step: int) -> None:
        """Takes up how the samples of each prompt did."""
        if self._gates is None:
            return
        streaks, aside = dict(self.state.streaks), dict(self.state.aside)
        for group in groups:
            key = group.prompt.id
            aside.pop(key, None)
            share = _solved(group, self._gates)
            if 0 < share < 1:
                streaks.pop(key, None)
                continue
            streaks[key] = streaks.get(key, 0) + 1
            if streaks[key] >= self._gates.after:
                aside[key] = step
        self.state = self.state.model_copy(update={"streaks": streaks, "aside": aside})

    def _is_aside(self, prompt: OnlinePrompt, step: int) -> bool:
        since = self.state.aside.get(prompt.id)
        return since is not None and self._gates is not None and step - since < self._gates.probe

    def _at(self, place: int) -> OnlinePrompt:
        epoch, within = divmod(place, len(self._prompts))
        return self._prompts[self._order(epoch)[within]]

    def _shuffled(self, epoch: int) -> list[int]:
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + epoch)
        order: list[int] = torch.randperm(len(self._prompts), generator=generator).tolist()
        return order


def _solved(group: Group, gates: GateConfig) -> float:
    """The share of a prompt's samples that solve it."""
    values = [
        sum(rollout.rewards.values()) if gates.part is None else rollout.rewards.get(gates.part, 0.0)
        for rollout in group.rollouts
    ]
    return sum(value >= gates.solved for value in values) / len(values)
