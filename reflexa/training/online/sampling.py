"""Groups of samples with their rewards: judged on other threads while sampling goes on, shared out over processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from reflexa.errors import ReflexaError
from reflexa.models.local.encoding import Tokens
from reflexa.models.local.sampling import Draw, Sample, TokenSampler
from reflexa.training.config import SamplingConfig
from reflexa.training.engine.processes import Processes
from reflexa.training.online.playing import Played
from reflexa.training.online.rewards import Judging
from reflexa.training.online.rolling import Games
from reflexa.training.online.rollouts import Answer, Group, OnlinePrompt, Reward, Rollout, Segment, StepRewards
from reflexa.training.online.speaking import Clock, Speaker

_SEEDS = 2**62


@dataclass(frozen=True, eq=False)
class Asked:
    """What is sampled from: the tokens that stand before a sample, and the prompt that it answers."""

    prompt: OnlinePrompt
    tokens: Tokens


Judged = tuple[Sample, Mapping[str, float]]
"""A sample and the parts of its reward."""


@dataclass
class Roller:
    """Samples prompts with the weights as they are, and has the samples judged."""

    sampler: TokenSampler
    speaker: Speaker
    reward: Reward | Played
    config: SamplingConfig
    processes: Processes
    clock: Clock = field(default_factory=Clock)

    def roll(self, prompts: Sequence[OnlinePrompt], number: int, samples: int | None = None) -> list[Group]:
        """A group for each prompt, the same in every process. ``number`` seeds the draws.

        Raises what a reward raised, in every process.
        """
        share = self.processes.share
        mine = [
            prompts[index] for index in range(len(prompts)) if index * share.processes // len(prompts) == share.index
        ]
        seed = (self.config.seed * 1_000_003 + number) * share.processes + share.index
        draw = self.draw(seed)
        return self._gathered(lambda: self._rolled(mine, samples or self.config.samples, draw, self.reward))

    def greedy(self, prompts: Sequence[OnlinePrompt], reward: Reward | Played) -> list[Group]:
        """One likeliest sample of each prompt, judged by ``reward``."""
        share = self.processes.share
        mine = [
            prompts[index] for index in range(len(prompts)) if index * share.processes // len(prompts) == share.index
        ]
        draw = Draw(max_tokens=self.config.max_new_tokens, temperature=0.0)
        return self._gathered(lambda: self._rolled(mine, 1, draw, reward))

    def draw(self, seed: int) -> Draw:
        """How the run samples, with a seed."""
        config = self.config
        return Draw(
            max_tokens=config.max_new_tokens, temperature=config.temperature, top_p=config.top_p, seed=seed % _SEEDS
        )

    def _gathered(self, work: Callable[[], list[Group]]) -> list[Group]:
        """What all processes did, in order; where one failed, all raise."""
        if self.processes.share.processes == 1:
            return work()
        try:
            mine: list[Group] | ReflexaError = work()
        except ReflexaError as error:
            mine = error
        all_of_them = self.processes.gather(mine)
        failed = next((each for each in all_of_them if isinstance(each, ReflexaError)), None)
        if failed is not None:
            raise failed
        return [group for each in all_of_them if isinstance(each, list) for group in each]

    def _rolled(self, prompts: Sequence[OnlinePrompt], n: int, draw: Draw, reward: Reward | Played) -> list[Group]:
        if isinstance(reward, Played):
            return Games(self.sampler, self.speaker, self.clock, reward, draw).groups(prompts, n)
        tokens = [self.speaker.prompt(prompt) for prompt in prompts]
        judged = self._judged([Asked(*each) for each in zip(prompts, tokens, strict=True)], n, draw, reward)
        return [
            Group(prompt, tokens[index], tuple(self._rollout(*each) for each in judged[index]))
            for index, prompt in enumerate(prompts)
        ]

    def _judged(self, asked: Sequence[Asked], n: int, draw: Draw, reward: Reward) -> list[list[Judged]]:
        """``n`` samples of each, with the parts of their rewards."""
        waiting: dict[tuple[int, int], Future[Mapping[str, float]]] = {}
        began = time.monotonic()
        with Judging(reward, self.config.workers) as judging:

            def ended(prompt: int, sample: int, drawn: Sample) -> None:
                answer = Answer(
                    prompt=asked[prompt].prompt,
                    text=self.speaker.text(drawn.tokens),
                    tokens=len(drawn.tokens),
                    finished=drawn.finished,
                    sample=sample,
                )
                waiting[prompt, sample] = judging.asked(answer)

            drawn = self.sampler.sample([each.tokens for each in asked], n, draw, ended) if asked else []
            sampled = time.monotonic()
            found = {place: judging.found(future) for place, future in waiting.items()}
        self.clock.sampling += sampled - began
        self.clock.verifying += time.monotonic() - sampled
        return [
            [(each, found[index, sample]) for sample, each in enumerate(samples)] for index, samples in enumerate(drawn)
        ]

    def _rollout(self, drawn: Sample, rewards: Mapping[str, float]) -> Rollout:
        segment = Segment(drawn.tokens, drawn.logprobs)
        steps: tuple[tuple[int, float], ...] = ()
        if isinstance(rewards, StepRewards):
            steps = tuple(zip(self.speaker.places(drawn.tokens, rewards.ends), rewards.rewards, strict=True))
        return Rollout((segment,), self.speaker.text(drawn.tokens), drawn.finished, rewards, steps)
