"""Which rows make which step, and how a step's rows are computed: fixed by the seed and the step's number alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from reflexa.training.engine.packing import Example

MicroBatch = tuple[int, ...]
"""Indices of the rows that are computed together; empty where a process has nothing to do in this round."""


@dataclass(frozen=True)
class Share:
    """Which of ``processes`` this one is (from 0)."""

    index: int = 0
    processes: int = 1


@dataclass(frozen=True)
class Batches:
    """The steps of a run over rows of given ``sizes`` (tokens): ``rows`` a step, each epoch in an order of its own.

    Rows of a step are dealt, longest first, to micro-batches of at most ``tokens`` tokens that are as even as
    possible, so that processes finish together.
    """

    sizes: tuple[int, ...]
    rows: int
    tokens: int
    seed: int

    @property
    def steps_per_epoch(self) -> int:
        return -(-len(self.sizes) // self.rows)

    def rows_of(self, step: int) -> tuple[int, ...]:
        """The rows of a step (from 0), over all processes."""
        epoch, within = divmod(step, self.steps_per_epoch)
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + epoch)
        order = torch.randperm(len(self.sizes), generator=generator)
        return tuple(order[within * self.rows : (within + 1) * self.rows].tolist())

    def of(self, step: int, share: Share) -> list[MicroBatch]:
        """What one process computes in a step: as many micro-batches as every other process."""
        return self.deal(self.rows_of(step), share.processes)[share.index :: share.processes]

    def deal(self, rows: Sequence[int], processes: int = 1) -> list[MicroBatch]:
        """Rows in micro-batches, a multiple of ``processes`` of them."""
        ordered = sorted(rows, key=lambda row: (-self.sizes[row], row))
        total = sum(self.sizes[row] for row in rows)
        count = _round_up(min(max(1, -(-total // self.tokens)), len(rows)), processes)
        while True:
            dealt = self._spread(ordered, count)
            if count >= len(rows) or all(len(part) < 2 or self._size(part) <= self.tokens for part in dealt):
                return dealt
            count += processes

    def _spread(self, ordered: Sequence[int], count: int) -> list[MicroBatch]:
        parts: list[list[int]] = [[] for _ in range(count)]
        loads = [0] * count
        for row in ordered:
            lightest = loads.index(min(loads))
            parts[lightest].append(row)
            loads[lightest] += self.sizes[row]
        return [tuple(part) for part in parts]

    def _size(self, part: Sequence[int]) -> int:
        return sum(self.sizes[row] for row in part)


def batches(examples: Sequence[Example], rows: int, tokens: int, seed: int) -> Batches:
    """Batches of examples, each as large as its tree."""
    return Batches(tuple(example.tokens for example in examples), rows, tokens, seed)


def all_at_once(
    examples: Sequence[Example], tokens: int, seed: int, processes: int, rows: Sequence[int] | None = None
) -> list[MicroBatch]:
    """All examples (or ``rows`` of them) in micro-batches, a multiple of ``processes`` of them: one step's."""
    dealer = batches(examples, len(examples), tokens, seed)
    return dealer.deal(range(len(examples)) if rows is None else rows, processes)


def _round_up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple
