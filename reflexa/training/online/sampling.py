"""Groups of samples with their rewards: judged on other threads while sampling goes on, shared out over processes."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from reflexa.errors import ReflexaError, UsageError
from reflexa.models.local_encoding import Encoder, Tokens
from reflexa.models.local_engine import end_tokens
from reflexa.models.local_sampling import Draw, Sample, TokenSampler
from reflexa.training.config import SamplingConfig
from reflexa.training.engine.processes import Processes
from reflexa.training.online.playing import Played
from reflexa.training.online.rewards import Judging
from reflexa.training.online.rolling import Games
from reflexa.training.online.rollouts import Answer, Group, OnlinePrompt, Reward, Rollout, Segment, StepRewards

_SEEDS = 2**62


@dataclass
class Clock:
    """Seconds of this process: ``sampling`` and, after it, ``verifying``."""

    sampling: float = 0.0
    verifying: float = 0.0


@dataclass(frozen=True, eq=False)
class Asked:
    """What is sampled from: the tokens that stand before a sample, and the prompt that it answers."""

    prompt: OnlinePrompt
    tokens: Tokens


Judged = tuple[Sample, Mapping[str, float]]
"""A sample and the parts of its reward."""


class Speaker:
    """A model's tokens as text, and text as its tokens: where an answer ends and what it says."""

    def __init__(self, model: Any, tokenizer: Any, stop: Sequence[str]) -> None:
        self.encoder = Encoder(model, tokenizer)
        self._tokenizer, self._stop = tokenizer, tuple(stop)
        self.context: int = getattr(model.config.get_text_config(), "max_position_embeddings", None) or 2048
        self.ends = end_tokens(model, tokenizer) | self._stopping()

    def prompt(self, prompt: OnlinePrompt) -> Tokens:
        """The prompt's tokens. Raises ``UsageError`` for an empty one."""
        tokens, _ = self.encoder.exchange(prompt.prompt, ())
        if not tokens:
            raise UsageError(f"prompt {prompt.id} is empty: expected at least one token")
        return tokens

    def text(self, tokens: Sequence[int]) -> str:
        """What an answer says, up to a text that stops it."""
        said: str = self._tokenizer.decode(list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return said[: min((said.find(stop) for stop in self._stop if stop in said), default=len(said))]

    def places(self, tokens: Sequence[int], ends: Sequence[int]) -> list[int]:
        """Which token completes the first so many characters of an answer's text, for each of ``ends``; the last one
        for an end beyond the text.
        """

        def length(count: int) -> int:
            return len(self.text(tokens[:count]))

        return [min(bisect_left(range(1, len(tokens) + 1), end, key=length), len(tokens) - 1) for end in ends]

    def _stopping(self) -> set[int]:
        if not self._stop:
            return set()
        texts = self._tokenizer.batch_decode([[token] for token in range(len(self._tokenizer))])
        return {token for token, text in enumerate(texts) if any(stop in text for stop in self._stop)}


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
            return Games(self, reward, draw).groups(prompts, n)
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
