"""Samples of a model that is being trained, as token ids: what online reinforcement learning learns from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from reflexa.models.local.attention import use_cell_attention
from reflexa.models.local.decoder import Decoder, Group, Row, Work
from reflexa.models.local.draws import Settings


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
    """Samples with a language model's weights as they are at the time of the call; ``ends`` are its end tokens.

    At most ``slots`` samples are under way at once; as soon as one ends, another takes its place. The draws do not
    depend on the slots. On the CPU the samples repeat exactly for the same slots; for others the sums differ in their
    last digits, and a draw that falls just there may too.
    """

    def __init__(self, model: Any, ends: Collection[int], *, slots: int = 64) -> None:
        self._model, self._ends, self._slots = model, frozenset(ends), slots
        self.work = Work()
        """What the latest call computed."""

    def sample(
        self, prompts: Sequence[Sequence[int]], n: int, draw: Draw, ended: Ended | None = None
    ) -> list[list[Sample]]:
        """``n`` samples of each prompt (not empty), by prompt."""
        groups = [
            Group(
                prompt,
                [Settings((draw.seed, index, i), draw.temperature, draw.top_p) for i in range(n)],
                draw.max_tokens,
                self._ends_here,
            )
            for index, prompt in enumerate(prompts)
        ]
        places = {row: (index, i) for index, group in enumerate(groups) for i, row in enumerate(group.rows)}
        done: dict[Row, Sample] = {}
        with _generating(self._model) as model:
            decoder = Decoder(model, self._slots)
            self.work = decoder.work
            for group in groups:
                decoder.add(group)
            while decoder.busy:
                for row in decoder.step():
                    done[row] = Sample(tuple(row.tokens), tuple(row.logprobs), row.finished)
                    if ended is not None:
                        ended(*places[row], done[row])
        return [[done[row] for row in group.rows] for group in groups]

    def _ends_here(self, row: Row) -> bool:
        return row.tokens[-1] in self._ends


@contextmanager
def _generating(model: Any) -> Iterator[Any]:
    """The transformers model ready to generate; afterwards it attends and trains as it did before."""
    plain = model.get_base_model() if hasattr(model, "peft_config") else model
    attention, training = plain.config._attn_implementation, model.training
    use_cell_attention(plain)
    model.eval()
    try:
        yield plain
    finally:
        model.train(training)
        plain.set_attn_implementation(attention)
