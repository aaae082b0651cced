"""Best of n against every subset, and against numbers worked out by hand."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from reflexa.errors import UsageError
from reflexa.evaluation.best_of_n import best_of_n, best_of_n_kl


def test_the_distance_of_the_best_of_n() -> None:
    assert best_of_n_kl(1) == 0.0
    assert best_of_n_kl(2) == pytest.approx(0.19314718)  # ln 2 − ½
    assert best_of_n_kl(100) == pytest.approx(3.61517019)  # ln 100 − 0.99
    with pytest.raises(UsageError, match="best of 0"):
        best_of_n_kl(0)


def test_worked_numbers() -> None:
    """Of 3 samples, pairs are {1,2}, {1,3}, {2,3}: the best by proxy is sample 3 twice, sample 2 once."""
    found = best_of_n([[1.0, 2.0, 3.0]], [[0.0, 6.0, 3.0]], (1, 2, 3))
    assert found.proxy[0] == pytest.approx([2.0, 8 / 3, 3.0])
    assert found.true[0] == pytest.approx([3.0, 4.0, 3.0])
    assert found.kl[1] == pytest.approx(math.log(2) - 0.5)


def test_equal_proxies_are_taken_alike() -> None:
    found = best_of_n([[5.0, 5.0, 1.0]], [[0.0, 1.0, 7.0]], (1, 2, 3))
    assert found.true[0] == pytest.approx([8 / 3, 0.5, 0.5])


def test_prompts_do_not_mix() -> None:
    """The last proxy of a prompt equals the first one of the next."""
    found = best_of_n([[1.0, 2.0], [2.0, 3.0]], [[0.0, 1.0], [10.0, 20.0]], (2,))
    assert found.true[:, 0] == pytest.approx([1.0, 20.0])


rewards = st.integers(-3, 3).map(float)


@given(st.lists(st.tuples(rewards, rewards), min_size=1, max_size=7), st.data())
@settings(max_examples=60, deadline=None)
def test_it_is_the_mean_over_all_subsets(samples: list[tuple[float, float]], data: st.DataObject) -> None:
    n = data.draw(st.integers(1, len(samples)))
    proxies, trues = zip(*samples, strict=True)
    best = []
    for subset in combinations(samples, n):
        top = max(proxy for proxy, _ in subset)
        best.append(np.mean([true for proxy, true in subset if proxy == top]))
    found = best_of_n([proxies], [trues], (n,))
    assert found.true[0, 0] == pytest.approx(np.mean(best))


def test_many_samples_do_not_overflow() -> None:
    values = np.arange(4000.0)[None]
    found = best_of_n(values, values, (1, 4000, 2000))
    assert found.true[0] == pytest.approx([1999.5, 3999.0, 2000 / 2001 * 4001 - 1])


@pytest.mark.parametrize(
    ("proxy", "true", "n", "words"),
    [
        ([[1.0, 2.0]], [[1.0]], 1, "expected \\[prompts, samples\\] twice"),
        ([1.0, 2.0], [1.0, 2.0], 1, "expected \\[prompts, samples\\] twice"),
        ([[1.0, 2.0]], [[1.0, 2.0]], 3, "best of 3 from 2 samples"),
        ([[1.0, math.nan]], [[1.0, 2.0]], 1, "not finite"),
    ],
)
def test_what_cannot_be_is_refused(proxy: ArrayLike, true: ArrayLike, n: int, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        best_of_n(proxy, true, (n,))
