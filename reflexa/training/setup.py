"""A run before its weights are loaded: its algorithm, its rows as tokens, its plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from pydantic import JsonValue, ValidationError

from reflexa.errors import ConfigError
from reflexa.training.algorithms import find_algorithm
from reflexa.training.algorithms.algorithm import Algorithm
from reflexa.training.config import TrainConfig
from reflexa.training.engine.batching import Batches, batches
from reflexa.training.engine.loading import add_lora, compute_type, load_skeleton, load_tokenizer
from reflexa.training.engine.processes import Processes
from reflexa.training.measuring import HeldOutTasks, Measures, longest_prompt, measures_of
from reflexa.training.online.speaking import Speaker
from reflexa.training.planning import Data, Plan, cache_estimate, context_of, memory_estimate, read_data
from reflexa.types import Frozen


@dataclass(frozen=True, eq=False)
class Setup:
    """All that is known of a run before its weights are loaded. ``options`` are the algorithm's, checked."""

    config: TrainConfig
    algorithm: Algorithm
    options: Frozen
    tokenizer: Any
    data: Data
    plan: Plan
    dtype: torch.dtype
    batches: Batches
    measures: Measures | None


def set_up(config: TrainConfig, processes: Processes, tasks: HeldOutTasks | None = None) -> Setup:
    """Reads and encodes the rows and makes the plan; ``tasks`` judge checkpoints. Raises ``UsageError`` where something
    of it cannot be used.
    """
    algorithm = find_algorithm(config.algorithm)
    options = checked_options(algorithm.name, algorithm.options, config.options)
    if config.batch.rows < processes.share.processes:
        raise ConfigError(
            f"{config.batch.rows} rows a step cannot be shared by {processes.share.processes} processes: "
            "raise batch.rows"
        )
    dtype = compute_type(config.precision, processes.device)
    tokenizer = load_tokenizer(config.model)
    model = load_skeleton(config.model, algorithm.head)
    max_length = context_of(model, config)
    speaker = Speaker(model, tokenizer, config.points.stop)
    data = read_data(config, speaker.encoder, max_length)
    measures = measures_of(config, algorithm, speaker, tasks, processes.share.processes)
    dealt = batches(data.examples, config.batch.rows, config.batch.tokens, config.seed)
    steps = dealt.steps_per_epoch * config.epochs
    if config.lora is not None:
        model = add_lora(model, config.lora)
    total = sum(parameter.numel() for parameter in model.parameters())
    trainable = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    kept = 0 if measures is None else _measuring_memory(config, model, measures, total, dtype)
    at_once = min(config.batch.tokens, max(sum(sorted(dealt.sizes)[-config.batch.rows :]), max(dealt.sizes)))
    planned = Plan(
        algorithm=algorithm.name,
        model=config.model,
        rows=len(data.examples),
        dropped=data.dropped,
        truncated=data.truncated,
        held_out_rows=len(data.held_out),
        max_length=max_length,
        tokens=sum(dealt.sizes),
        learnt=sum(one.learnt if algorithm.head == "language" else one.marked for one in data.examples),
        epochs=config.epochs,
        steps=min(steps, config.steps or steps),
        parameters=total,
        trainable=trainable,
        precision=str(dtype).removeprefix("torch."),
        memory_bytes=memory_estimate(model, trainable, total - trainable, at_once, dtype.itemsize) + kept,
        processes=processes.share.processes,
        measured=0 if measures is None else len(measures.prompts),
    )
    return Setup(config, algorithm, options, tokenizer, data, planned, dtype, dealt, measures)


def _measuring_memory(config: TrainConfig, model: Any, measures: Measures, total: int, dtype: torch.dtype) -> int:
    """Bytes of the weights kept of the start, and of the sampler's cache."""
    points = config.points
    longest = longest_prompt(measures) + points.max_new_tokens
    kept = 0 if config.lora is not None else total * dtype.itemsize
    return kept + cache_estimate(model, points.slots, longest, dtype.itemsize)


Options = TypeVar("Options", bound=Frozen)


def checked_options(name: str, kind: type[Options], given: Mapping[str, JsonValue]) -> Options:
    """An algorithm's options, of what was given. Raises ``ConfigError`` that names what is wrong."""
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"])) or "options"
        known = ", ".join(kind.model_fields) or "none"
        raise ConfigError(f"{name}: option {place!r}: {first['msg']}; the options are: {known}") from None
