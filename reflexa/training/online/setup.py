"""An online run before its weights are loaded: its algorithm, its prompts, its plan."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from pydantic import Field

from reflexa.errors import ConfigError, UsageError
from reflexa.training.algorithms import find_online
from reflexa.training.algorithms.online_algorithm import CriticOptions, OnlineAlgorithm, OnlineOptions
from reflexa.training.engine.loading import add_lora, compute_type, load_skeleton, load_tokenizer
from reflexa.training.engine.processes import Processes
from reflexa.training.online.config import OnlineConfig
from reflexa.training.online.playing import Played
from reflexa.training.online.rewards import follows, overlong, total
from reflexa.training.online.rollouts import Answer, OnlinePrompt, Reward, StepRewards
from reflexa.training.online.speaking import Speaker
from reflexa.training.planning import cache_estimate, memory_estimate
from reflexa.training.setup import checked_options
from reflexa.types import Frozen


class OnlinePlan(Frozen):
    """The size of an online run. ``new_tokens`` is the most that can be sampled; refills come on top.

    ``memory_bytes`` is an estimate of the peak: weights, those kept of the start, gradients, optimiser, and the larger
    of a micro-batch's activations and the sampler's cache.
    """

    algorithm: str
    model: str
    prompts: int
    prompts_a_step: int
    samples: int
    steps: int
    updates: int
    new_tokens: int
    longest_prompt: int
    parameters: int
    trainable: int
    precision: str
    memory_bytes: int
    processes: int = Field(default=1, ge=1)

    def lines(self) -> list[tuple[str, str]]:
        """The plan as pairs of a name and a text, for people."""
        a_step = self.prompts_a_step * self.samples
        return [
            ("algorithm", self.algorithm),
            ("model", f"{self.model} ({self.parameters / 1e6:,.1f}M parameters, {self.trainable / 1e6:,.2f}M trained)"),
            ("prompts", f"{self.prompts:,} (the longest has {self.longest_prompt:,} tokens)"),
            ("samples", f"{a_step:,} a step: {self.samples:,} of {self.prompts_a_step:,} prompts"),
            ("steps", f"{self.steps:,}, {self.updates:,} updates"),
            ("new tokens", f"at most {self.new_tokens:,}"),
            ("precision", self.precision),
            ("processes", f"{self.processes:,}"),
            ("memory", f"about {self.memory_bytes / 1e9:.1f} GB"),
        ]


@dataclass(frozen=True, eq=False)
class OnlineSetup:
    """All that is known of a run before its weights are loaded. ``digest`` is that of the prompts' tokens."""

    config: OnlineConfig
    algorithm: OnlineAlgorithm
    options: OnlineOptions
    tokenizer: Any
    speaker: Speaker
    prompts: tuple[OnlinePrompt, ...]
    digest: str
    plan: OnlinePlan
    dtype: torch.dtype


def set_up_online(config: OnlineConfig, prompts: Sequence[OnlinePrompt], processes: Processes) -> OnlineSetup:
    """Encodes the prompts and makes the plan. Raises ``UsageError`` where something of it cannot be used."""
    algorithm = find_online(config.algorithm)
    given = {"max_tokens": config.max_new_tokens, **config.options}
    options = checked_options(algorithm.name, algorithm.options, given)
    _check(config, prompts, processes)
    if config.samples < 2 and algorithm.returns is None:
        raise ConfigError("1 sample of a prompt has nothing to be compared with: raise samples to 2 at least")
    dtype = compute_type(config.precision, processes.device)
    tokenizer, model = load_tokenizer(config.model), load_skeleton(config.model)
    speaker = Speaker(model, tokenizer, config.stop)
    if not speaker.ends:
        raise UsageError("the model has no token that ends an answer: name a text that does, such as stop = ['\\n']")
    lengths, digest = _encoded(prompts, speaker)
    _check_context(config, prompts, lengths, model)
    if config.lora is not None:
        model = add_lora(model, config.lora)
    total_size = sum(parameter.numel() for parameter in model.parameters())
    trainable = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    planned = OnlinePlan(
        algorithm=algorithm.name,
        model=config.model,
        prompts=len(prompts),
        prompts_a_step=config.prompts,
        samples=config.samples,
        steps=config.steps,
        updates=config.steps * config.epochs * config.minibatches,
        new_tokens=config.steps * config.prompts * config.samples * config.max_new_tokens,
        longest_prompt=max(lengths),
        parameters=total_size,
        trainable=trainable,
        precision=str(dtype).removeprefix("torch."),
        memory_bytes=_memory(config, model, trainable, total_size, max(lengths), dtype)
        + _critic_memory(options, config, total_size, dtype),
        processes=processes.share.processes,
    )
    return OnlineSetup(config, algorithm, options, tokenizer, speaker, tuple(prompts), digest, planned, dtype)


def with_parts(reward: Reward | Played, options: OnlineOptions, max_new_tokens: int) -> Reward | Played:
    """The reward with the parts that the options add to it."""
    added: dict[str, Reward] = {}
    if options.overlong:
        added["overlong"] = overlong(max_new_tokens, options.overlong)
    if options.format is not None:
        added["format"] = follows(options.format)
    if not added:
        return reward

    def whole(given: float | Mapping[str, float], answer: Answer) -> Mapping[str, float]:
        others = {name: total(each(answer), {}) for name, each in added.items()}
        if isinstance(given, StepRewards):
            return given.with_parts(others)
        return {**(given if isinstance(given, Mapping) else {"reward": given}), **others}

    if isinstance(reward, Played):
        play = reward.play
        return replace(reward, play=lambda dialogue: whole(play(dialogue), dialogue.answer))
    judge = reward
    return lambda answer: whole(judge(answer), answer)


def _check(config: OnlineConfig, prompts: Sequence[OnlinePrompt], processes: Processes) -> None:
    if not prompts:
        raise UsageError("no prompts to sample from: expected at least one")
    if len({prompt.id for prompt in prompts}) < len(prompts):
        raise UsageError(f"the ids of the {len(prompts)} prompts are not all different: give each one its own")
    if config.prompts < processes.share.processes:
        raise ConfigError(
            f"{config.prompts} prompts a step cannot be shared by {processes.share.processes} processes: raise prompts"
        )


def _encoded(prompts: Sequence[OnlinePrompt], speaker: Speaker) -> tuple[list[int], str]:
    """Each prompt's number of tokens, and the SHA-256 of all."""
    digest, lengths = hashlib.sha256(), []
    for prompt in prompts:
        tokens = speaker.prompt(prompt)
        lengths.append(len(tokens))
        digest.update(f"{prompt.id} {len(tokens)}".encode())
        digest.update(tokens.tobytes())
    return lengths, digest.hexdigest()


def _check_context(config: OnlineConfig, prompts: Sequence[OnlinePrompt], lengths: Sequence[int], model: Any) -> None:
    holds: int | None = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    longest = max(range(len(prompts)), key=lambda index: lengths[index])
    if holds is not None and lengths[longest] + config.max_new_tokens > holds:
        raise UsageError(
            f"prompt {prompts[longest].id} has {lengths[longest]} tokens, which with {config.max_new_tokens} new ones "
            f"is more than the model's context of {holds}: lower max_new_tokens, or leave it out"
        )


def _memory(config: OnlineConfig, model: Any, trainable: int, total_size: int, longest: int, dtype: torch.dtype) -> int:
    """Bytes at the peak: learning's, or what is held beside the weights' copy while sampling."""
    longest_row = longest + config.max_new_tokens
    at_once = min(config.batch_tokens, config.prompts * (longest + config.samples * config.max_new_tokens))
    learning = memory_estimate(model, trainable, total_size - trainable, max(at_once, longest_row), dtype.itemsize)
    cache = cache_estimate(model, config.slots, longest_row, dtype.itemsize)
    kept = 0 if config.lora is not None else total_size * dtype.itemsize
    return int(learning + cache + kept)


def _critic_memory(options: OnlineOptions, config: OnlineConfig, total_size: int, dtype: torch.dtype) -> int:
    """Bytes that a critic holds: weights alone where it learns as adapters, else also gradients and optimiser."""
    if not isinstance(options, CriticOptions):
        return 0
    whole = options.critic_lora is None and config.lora is None
    return total_size * (dtype.itemsize + 16 * whole)
