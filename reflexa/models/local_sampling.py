"""Samples of a model that is being trained, as token ids: what online reinforcement learning learns from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import transformers

from reflexa.models.local_draws import Draws

# transformers is typed in parts only.
_hf: Any = transformers


@dataclass(frozen=True)
class Draw:
    """How to sample: ``temperature`` 0 takes the likeliest token, ``top_p`` below 1 the nucleus.

    Sample ``i`` of prompt ``p`` takes its numbers from ``(seed, p, i)``.
    """

    max_tokens: int
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Sample:
    """``tokens`` with the end token, if there was one, and for each the model's own log-probability (nats, at
    temperature 1). ``finished`` is false where only ``max_tokens`` ended it.
    """

    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    finished: bool


Ended = Callable[[int, int, Sample], None]
"""Called with the prompt's and the sample's number as soon as a sample has ended."""


class TokenSampler:
    """Samples with a language model's weights as they are at the time of the call; ``ends`` are its end tokens."""

    def __init__(self, model: Any, ends: Collection[int], *, slots: int = 64) -> None:
        self._model, self._ends, self._slots = model, frozenset(ends), slots

    def sample(
        self, prompts: Sequence[Sequence[int]], n: int, draw: Draw, ended: Ended | None = None
    ) -> list[list[Sample]]:
        """``n`` samples of each prompt (not empty), by prompt."""
        with _generating(self._model) as model:
            return [self._group(model, tokens, index, n, draw, ended) for index, tokens in enumerate(prompts)]

    def _group(
        self, model: Any, prompt: Sequence[int], index: int, n: int, draw: Draw, ended: Ended | None
    ) -> list[Sample]:
        draws = Draws([(draw.seed, index, sample) for sample in range(n)])
        tokens: list[list[int]] = [[] for _ in range(n)]
        logprobs: list[list[float]] = [[] for _ in range(n)]
        done: dict[int, Sample] = {}
        ids, cache = torch.tensor([list(prompt)] * n, device=model.device), _hf.DynamicCache(config=model.config)
        for position in range(draw.max_tokens):
            logits = model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1).logits[:, -1].float()
            chosen = draws.choose(logits, position, draw.temperature, draw.top_p)
            known = torch.log_softmax(logits, dim=-1).gather(1, chosen.unsqueeze(1)).squeeze(1)
            for row in range(n):
                if row in done:
                    continue
                tokens[row].append(int(chosen[row]))
                logprobs[row].append(float(known[row]))
                finished = tokens[row][-1] in self._ends
                if finished or position == draw.max_tokens - 1:
                    done[row] = Sample(tuple(tokens[row]), tuple(logprobs[row]), finished)
                    if ended is not None:
                        ended(index, row, done[row])
            if len(done) == n:
                break
            ids = chosen.unsqueeze(1)
        return [done[row] for row in range(n)]


@contextmanager
def _generating(model: Any) -> Iterator[Any]:
    """The transformers model ready to generate; afterwards it attends and trains as it did before."""
    plain = model.get_base_model() if hasattr(model, "peft_config") else model
    attention, training = plain.config._attn_implementation, model.training
    plain.set_attn_implementation("sdpa")
    model.eval()
    try:
        with torch.inference_mode():
            yield plain
    finally:
        model.train(training)
        plain.set_attn_implementation(attention)
