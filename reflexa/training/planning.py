"""What a run will do, known before it begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import Field

from reflexa.errors import UsageError
from reflexa.models.local.encoding import Encoder, Tokens
from reflexa.training.algorithms import find_algorithm
from reflexa.training.algorithms.algorithm import Algorithm
from reflexa.training.config import Overlong, TrainConfig
from reflexa.training.data import load_rows
from reflexa.training.engine.packing import Example
from reflexa.types import Frozen

_BILLION = 1e9


class Plan(Frozen):
    """The size of a run. Tokens are counted over one epoch, a shared prompt once; ``learnt`` are those that a loss
    reads.

    ``memory_bytes`` is an estimate of the peak: weights, gradients, optimiser, and the activations of one micro-batch;
    where checkpoints are measured, on ``measured`` held-out prompts, also the weights kept of the start and the
    sampler's cache.
    """

    algorithm: str
    model: str
    rows: int = Field(ge=0)
    dropped: int = Field(ge=0)
    truncated: int = Field(ge=0)
    held_out_rows: int = Field(ge=0)
    max_length: int
    tokens: int
    learnt: int
    epochs: int
    steps: int
    parameters: int
    trainable: int
    precision: str
    memory_bytes: int
    processes: int = 1
    measured: int = 0

    def lines(self) -> list[tuple[str, str]]:
        """The plan as pairs of a name and a text, for people."""
        left_out = f", {self.dropped:,} dropped and {self.truncated:,} cut (over {self.max_length:,} tokens)"
        sampled = f"; {self.measured:,} prompts are sampled at each checkpoint" if self.measured else ""
        return [
            ("algorithm", self.algorithm),
            ("model", f"{self.model} ({self.parameters / 1e6:,.1f}M parameters, {self.trainable / 1e6:,.2f}M trained)"),
            ("rows", f"{self.rows:,}{left_out if self.dropped or self.truncated else ''}"),
            ("held out", f"{self.held_out_rows:,} rows{sampled}"),
            ("tokens", f"{self.tokens:,} an epoch, {self.learnt:,} of them learnt"),
            ("steps", f"{self.steps:,} over {self.epochs:,} epoch{'s' if self.epochs > 1 else ''}"),
            ("precision", self.precision),
            ("processes", f"{self.processes:,}"),
            ("memory", f"about {self.memory_bytes / _BILLION:.1f} GB"),
        ]


@dataclass(frozen=True, eq=False)
class Data:
    """A run's rows as tokens, and what became of those that were too long."""

    examples: list[Example]
    held_out: list[Example]
    dropped: int
    truncated: int


def read_data(config: TrainConfig, encoder: Encoder, max_length: int) -> Data:
    """Reads and encodes the rows. Raises ``UsageError`` where a row cannot be used, or none is left."""
    algorithm = find_algorithm(config.algorithm)
    examples, dropped, truncated = _encode(config, algorithm, encoder, max_length)
    if not examples:
        raise UsageError(
            f"all {dropped} rows are longer than {max_length} tokens: raise max_length, or choose overlong = keep_start"
        )
    if not config.held_out:
        return Data(examples, [], dropped, truncated)
    held_out, more_dropped, more_truncated = _encode(
        config.model_copy(update={"data": config.held_out}), algorithm, encoder, max_length
    )
    return Data(examples, held_out, dropped + more_dropped, truncated + more_truncated)


def _encode(
    config: TrainConfig, algorithm: Algorithm, encoder: Encoder, max_length: int
) -> tuple[list[Example], int, int]:
    """Examples, and how many rows were dropped and cut."""
    examples: list[Example] = []
    dropped = truncated = 0
    for number, row in enumerate(load_rows(config.data, algorithm.rows), start=1):
        whole = algorithm.encode(row, encoder)
        example = fit(whole, max_length, config.overlong)
        if example is None and config.overlong == "refuse":
            raise UsageError(
                f"row {number} has {whole.longest} tokens, at most {max_length} are computed: choose overlong = drop, "
                "keep_start or keep_end, or raise max_length"
            )
        if example is None or (algorithm.head == "language" and not example.learnt):
            dropped += 1
            continue
        truncated += example is not whole
        examples.append(example)
    return examples, dropped, truncated


def fit(example: Example, max_length: int, rule: Overlong) -> Example | None:
    """The example within ``max_length`` tokens, cut as ``rule`` says; None where that leaves nothing to learn.

    Rows with marked tokens are never cut: their marks would no longer be where they were put.
    """
    if example.longest <= max_length:
        return example
    if rule in ("drop", "refuse") or example.marks:
        return None
    if rule == "keep_start":
        room = max_length - len(example.prompt)
        completions: tuple[Tokens, ...] = tuple(completion[: max(room, 0)] for completion in example.completions)
        return Example(example.prompt, completions, example.values) if room > 0 else None
    excess = example.longest - max_length
    if excess >= len(example.prompt):
        return None
    return Example(example.prompt[excess:], example.completions, example.values)


def context_of(model: Any, config: TrainConfig) -> int:
    """The most tokens of a row: what was asked for, within what the model holds."""
    holds: int | None = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    asked: int = config.max_length or holds or 2048
    if holds is not None and asked > holds:
        raise UsageError(f"max_length {asked} is more than the model's context of {holds}")
    return asked


def memory_estimate(model: Any, trainable: int, frozen: int, tokens: int, width: int) -> int:
    """Bytes at the peak, of ``tokens`` computed at once with numbers of ``width`` bytes."""
    config = model.config.get_text_config()
    feed = getattr(config, "intermediate_size", None) or 4 * config.hidden_size
    per_token = config.num_hidden_layers * width * (20 * config.hidden_size + 4 * feed)
    base = 350_000_000
    estimate: int = base + trainable * (16 + width) + frozen * width + tokens * per_token
    return estimate


def cache_estimate(model: Any, rows: int, tokens: int, width: int) -> int:
    """Bytes of the keys and values of so many ``rows`` under way, of ``tokens`` tokens each."""
    config = model.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    estimate: int = rows * tokens * 2 * config.num_hidden_layers * heads * size * width
    return estimate
