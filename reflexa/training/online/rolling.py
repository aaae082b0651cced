"""Groups of samples that are played: each with an environment of its own."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from reflexa.models.local.encoding import Tokens
from reflexa.models.local.sampling import Draw, Sample, TokenSampler
from reflexa.training.online.playing import Desk, Dialogue, Played
from reflexa.training.online.rewards import named_parts
from reflexa.training.online.rollouts import Group, OnlinePrompt, Rollout, Segment
from reflexa.training.online.speaking import Clock, Speaker

_TURN = 2**52
"""Added to a draw's seed for every turn after the first."""


@dataclass
class Games:
    """Samples first turns as a roller does, and has each sample played to its end.

    A group's tokens are its prompt's; each rollout's are the policy's turns (learnt) and what it was told (not).
    """

    sampler: TokenSampler
    speaker: Speaker
    clock: Clock
    played: Played
    draw: Draw

    def groups(self, prompts: Sequence[OnlinePrompt], n: int) -> list[Group]:
        """A group of ``n`` samples for each prompt. Raises what a player raised."""
        speaker, clock = self.speaker, self.clock
        tokens = [speaker.prompt(prompt) for prompt in prompts]
        desk = Desk(speaker.encoder, speaker.context - self.draw.max_tokens, self.played.turns, speaker.text)
        dialogues = [
            self._dialogue(desk, prompts[index], sample, tokens[index], drawn)
            for index, samples in enumerate(self._sampled(tokens, n, self.draw))
            for sample, drawn in enumerate(samples)
        ]
        before, began = clock.sampling, time.monotonic()
        rewards = desk.play(dialogues, self.played.play, self._next_turns)
        clock.verifying += time.monotonic() - began - (clock.sampling - before)
        ended = [
            self._ended(dialogue, named_parts(given, dialogue.answer))
            for dialogue, given in zip(dialogues, rewards, strict=True)
        ]
        return [
            Group(prompt, tokens[index], tuple(ended[index * n : (index + 1) * n]))
            for index, prompt in enumerate(prompts)
        ]

    def _next_turns(self, so_far: Sequence[Tokens], turn: int) -> list[Sample]:
        drawn = self._sampled(so_far, 1, replace(self.draw, seed=self.draw.seed + turn * _TURN))
        return [sample for (sample,) in drawn]

    def _sampled(self, tokens: Sequence[Tokens], n: int, draw: Draw) -> list[list[Sample]]:
        began = time.monotonic()
        drawn = self.sampler.sample(tokens, n, draw) if tokens else []
        self.clock.sampling += time.monotonic() - began
        return drawn

    def _dialogue(self, desk: Desk, prompt: OnlinePrompt, sample: int, tokens: Tokens, drawn: Sample) -> Dialogue:
        return Dialogue(
            prompt=prompt,
            sample=sample,
            tokens=tokens,
            text=self.speaker.text(drawn.tokens),
            finished=drawn.finished,
            segments=[Segment(drawn.tokens, drawn.logprobs)],
            desk=desk,
        )

    def _ended(self, dialogue: Dialogue, rewards: Mapping[str, float]) -> Rollout:
        texts = [self.speaker.text(segment.tokens) for segment in dialogue.segments if segment.own]
        return Rollout(tuple(dialogue.segments), "\n".join(texts), dialogue.finished, rewards)
