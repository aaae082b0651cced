"""Vectors in memory: the rows of one embedder, searched by what their signs have in common and then by cosine.

A million rows of 256 dimensions are 32 MB of signs, which are compared in a few milliseconds; the nearest of them by
that measure are compared in full. It needs no index to be built, and no library: a new row is found at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from reflexa.errors import StoreError

if TYPE_CHECKING:
    from numpy.typing import NDArray

COMPARED = 5_000
"""Rows that are compared in full, or a hundredth where that is more. Of up to twice as many all are."""
_FIRST_ROWS = 1_024
_WORD_BITS = 64


class Vectors:
    """Rows of ``dimensions`` numbers, each under a key. Directions alone count. Not safe between threads."""

    def __init__(self, dimensions: int) -> None:
        self.dimensions = dimensions
        self._count = 0
        self._keys = np.empty(_FIRST_ROWS, np.int64)
        self._rows = np.empty((_FIRST_ROWS, dimensions), np.float16)
        self._signs = np.empty((-(-dimensions // _WORD_BITS), _FIRST_ROWS), np.uint64)

    def __len__(self) -> int:
        return self._count

    def add(self, keys: Sequence[int], rows: NDArray[np.float32]) -> None:
        """Adds ``rows`` [n, dimensions] under ``keys`` [n]. Raises ``StoreError`` for another shape."""
        if rows.shape != (len(keys), self.dimensions):
            raise StoreError(
                f"vectors of shape {rows.shape} do not go with {len(keys)} keys and {self.dimensions} dimensions: "
                "the embedder changed under its name; give it another"
            )
        first, self._count = self._count, self._count + len(keys)
        self._grow()
        units = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(np.float32).tiny)
        self._keys[first : self._count] = keys
        self._rows[first : self._count] = units
        self._signs[:, first : self._count] = _signs(units).T

    def nearest(self, query: NDArray[np.float32], n: int) -> list[int]:
        """The keys of the ``n`` rows whose directions are nearest to the query's [dimensions], the nearest first."""
        if query.shape != (self.dimensions,):
            raise StoreError(f"a query of shape {query.shape} cannot be compared with {self.dimensions} dimensions")
        places = (
            self._likely(query, max(COMPARED, self._count // 100, n))
            if self._count > 2 * COMPARED
            else np.arange(self._count)
        )
        cosines = self._rows[places].astype(np.float32) @ query
        best = np.argpartition(-cosines, n)[:n] if n < len(cosines) else np.arange(len(cosines))
        ordered = best[np.argsort(-cosines[best], kind="stable")]
        return [int(key) for key in self._keys[places[ordered]]]

    def _likely(self, query: NDArray[np.float32], n: int) -> NDArray[np.intp]:
        """The places of at least ``n`` rows, those whose signs differ from the query's in the fewest dimensions."""
        differing = np.zeros(self._count, np.uint16)
        for ours, theirs in zip(self._signs[:, : self._count], _signs(query[None])[0], strict=True):
            differing += np.bitwise_count(ours ^ theirs)
        counts = np.bincount(differing, minlength=self.dimensions + 1)
        return np.flatnonzero(differing <= np.searchsorted(np.cumsum(counts), n))

    def _grow(self) -> None:
        room = len(self._keys)
        if self._count <= room:
            return
        more = max(self._count, 2 * room) - room
        self._keys = np.concatenate([self._keys, np.empty(more, np.int64)])
        self._rows = np.concatenate([self._rows, np.empty((more, self.dimensions), np.float16)])
        self._signs = np.concatenate([self._signs, np.empty((len(self._signs), more), np.uint64)], axis=1)


def _signs(rows: NDArray[np.float32]) -> NDArray[np.uint64]:
    """One bit a dimension, in words of 64: [n, dimensions] to [n, words]."""
    packed = np.packbits(rows > 0, axis=1)
    filled = np.pad(packed, ((0, 0), (0, -packed.shape[1] % (_WORD_BITS // 8))))
    return np.ascontiguousarray(filled).view(np.uint64)
