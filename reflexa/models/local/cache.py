"""Keys and values of sequences under way, each kept in a buffer about as long as the sequence is.

Buffers come in sizes that double, and a sequence that outgrows its own moves to the next: what is read at a step is
then at most about twice what is needed, however unequal the sequences are, and a token is copied once or twice at most
on average.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor

from reflexa.models.local.memory import zeros

SMALLEST = 64
"""Tokens of the smallest size."""


class Cached(Protocol):
    """A sequence whose first ``cached`` tokens have their keys and values in a cache."""

    cached: int


Owner = TypeVar("Owner", bound=Cached)


@dataclass(frozen=True)
class CacheShape:
    """What the cached numbers of one token are. A buffer has room for ``tokens`` at first, or for one sequence."""

    layers: int
    heads: int
    width: int
    dtype: torch.dtype
    device: torch.device
    tokens: int = 512


def cache_shape(model: Any) -> CacheShape:
    """The shape that a transformers model's cache has."""
    config = model.config.get_text_config()
    heads = int(config.num_attention_heads)
    width = getattr(config, "head_dim", None) or config.hidden_size // heads
    kv_heads = int(getattr(config, "num_key_value_heads", None) or heads)
    return CacheShape(int(config.num_hidden_layers), kv_heads, int(width), model.dtype, model.device)


class Shelf(Generic[Owner]):
    """The sequences of one size. ``owners[i]`` has place ``i``; places are dense.

    ``keys`` and ``values`` are [layers, places, heads, size, width].
    """

    def __init__(self, size: int, shape: CacheShape) -> None:
        self.size, self.owners = size, list[Owner]()
        self._shape = shape
        self.keys, self.values = self._new(max(1, shape.tokens // size))

    def add(self, owner: Owner) -> int:
        """The place of a further owner."""
        if len(self.owners) == self.keys.shape[1]:
            keys, values = self._new(2 * len(self.owners))
            keys[:, : len(self.owners)], values[:, : len(self.owners)] = self.keys, self.values
            self.keys, self.values = keys, values
        self.owners.append(owner)
        return len(self.owners) - 1

    def remove(self, owner: Owner) -> None:
        """Frees a place; the last owner takes it."""
        place, last = self.owners.index(owner), self.owners.pop()
        if last is not owner:
            self.owners[place] = last
            self.copy(self, len(self.owners), place, last.cached)

    def copy(self, source: Shelf[Owner], there: int, here: int, tokens: int) -> None:
        """Copies so many tokens from a place of ``source`` to one of this shelf."""
        self.keys[:, here, :, :tokens] = source.keys[:, there, :, :tokens]
        self.values[:, here, :, :tokens] = source.values[:, there, :, :tokens]

    def write(self, layer: int, place: int, keys: Tensor, values: Tensor) -> None:
        """Writes a sequence from its start: ``keys`` and ``values`` [heads, tokens, width]."""
        self.keys[layer, place, :, : keys.shape[1]] = keys
        self.values[layer, place, :, : keys.shape[1]] = values

    def targets(self, tokens: Sequence[int]) -> Tensor:
        """Where in ``keys[layer].view(-1, width)`` each place's token of that number lies, [places × heads]."""
        starts = torch.arange(len(tokens) * self._shape.heads, device=self._shape.device).view(len(tokens), -1)
        return (starts * self.size + torch.tensor(tokens, device=starts.device).unsqueeze(1)).view(-1)

    def _new(self, places: int) -> tuple[Tensor, Tensor]:
        shape = self._shape
        sizes = (shape.layers, places, shape.heads, self.size, shape.width)
        keys, values = (zeros(sizes, shape.dtype, shape.device) for _ in range(2))
        return keys, values


class Shelves(Generic[Owner]):
    """All sequences under way, by size."""

    def __init__(self, shape: CacheShape) -> None:
        self._shape = shape
        self._shelves: dict[int, Shelf[Owner]] = {}
        self._of: dict[Owner, Shelf[Owner]] = {}

    def __iter__(self) -> Iterator[Shelf[Owner]]:
        """The shelves, smallest first; none is empty."""
        return (self._shelves[size] for size in sorted(self._shelves))

    def __contains__(self, owner: Owner) -> bool:
        return owner in self._of

    def add(self, owner: Owner, tokens: int) -> tuple[Shelf[Owner], int]:
        """Makes room for an owner's first ``tokens``: its shelf and its place there."""
        size = max(SMALLEST, 1 << (tokens - 1).bit_length())
        shelf = self._shelves.get(size)
        if shelf is None:
            shelf = self._shelves[size] = Shelf(size, self._shape)
        self._of[owner] = shelf
        return shelf, shelf.add(owner)

    def remove(self, owner: Owner) -> None:
        """Frees an owner's place, and with the last one's the shelf's memory."""
        self._leave(self._of.pop(owner), owner)

    def make_room(self) -> None:
        """Moves the sequences that have no room for a further token."""
        for shelf in list(self):
            for owner in [owner for owner in shelf.owners if owner.cached == shelf.size]:
                there = shelf.owners.index(owner)
                target, here = self.add(owner, owner.cached + 1)
                target.copy(shelf, there, here, owner.cached)
                self._leave(shelf, owner)

    def _leave(self, shelf: Shelf[Owner], owner: Owner) -> None:
        shelf.remove(owner)
        if not shelf.owners:
            del self._shelves[shelf.size]
