from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from reflexa.errors import StoreError
from reflexa.memory.lessons.vectors import COMPARED, Vectors


def random_rows(count: int, dimensions: int, seed: int = 0) -> NDArray[np.float32]:
    """Rows around a hundred centres, as texts on a hundred subjects are."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((100, dimensions))
    noise = rng.standard_normal((count, dimensions))
    return (0.7 * centres[rng.integers(100, size=count)] + noise).astype(np.float32)


def exact(rows: NDArray[np.float32], query: NDArray[np.float32], n: int) -> list[int]:
    cosines = rows @ query / np.linalg.norm(rows, axis=1)
    return [int(place) for place in np.argsort(-cosines, kind="stable")[:n]]


def test_the_nearest_directions_come_first_whatever_their_length() -> None:
    vectors = Vectors(2)
    vectors.add([7, 8], np.array([[0, 5], [0.1, 0]], np.float32))
    vectors.add([9], np.array([[-3, 0]], np.float32))
    assert len(vectors) == 3
    assert vectors.nearest(np.array([2, 1], np.float32), 3) == [8, 7, 9]
    assert vectors.nearest(np.array([2, 1], np.float32), 1) == [8]
    assert vectors.nearest(np.array([-1, 0], np.float32), 9) == [9, 7, 8]


def test_no_rows_and_rows_of_nothing() -> None:
    vectors = Vectors(3)
    assert vectors.nearest(np.ones(3, np.float32), 5) == []
    vectors.add([1], np.zeros((1, 3), np.float32))
    assert vectors.nearest(np.ones(3, np.float32), 5) == [1]


@pytest.mark.parametrize("dimensions", [5, 64, 100])
def test_few_rows_are_compared_exactly_as_they_grow(dimensions: int) -> None:
    rows, vectors = random_rows(3000, dimensions), Vectors(dimensions)
    for start in range(0, 3000, 700):
        part = rows[start : start + 700]
        vectors.add(range(start, start + len(part)), part)
    query = random_rows(1, dimensions, seed=1)[0]
    assert set(vectors.nearest(query, 10)) == set(exact(rows, query, 10))


def test_of_many_rows_nearly_all_of_the_nearest_are_found() -> None:
    rows, vectors = random_rows(4 * COMPARED, 64), Vectors(64)
    vectors.add(range(len(rows)), rows)
    found = 0
    for seed in range(10):
        query = rows[seed * 1000] + random_rows(1, 64, seed)[0] / 4
        found += len({*vectors.nearest(query, 10)} & {*exact(rows, query, 10)})
    assert found >= 95


def test_other_dimensions_are_refused() -> None:
    vectors = Vectors(3)
    with pytest.raises(
        StoreError, match=r"shape \(1, 2\) do not go with 1 keys and 3 dimensions: the embedder changed"
    ):
        vectors.add([1], np.zeros((1, 2), np.float32))
    with pytest.raises(StoreError, match="cannot be compared with 3 dimensions"):
        vectors.nearest(np.zeros(2, np.float32), 1)
