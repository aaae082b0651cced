"""The statistics that results are reported with: pure functions of counts and differences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

from reflexa.errors import UsageError
from reflexa.types import Frozen

_CHUNK = 2_000_000
"""Random indices drawn at once: bounds the bootstrap's memory to some 16 MB."""


def pass_at_k(n: int, c: int, k: int) -> float:
    """The chance that at least one of ``k`` samples passes, given that ``c`` of ``n`` did: 1 − C(n−c, k)/C(n, k).

    The unbiased estimator of Chen et al. 2021 (HumanEval). Raises ``UsageError`` unless 0 ≤ c ≤ n and 1 ≤ k ≤ n.
    """
    _check_counts(n, c, k)
    return 1.0 - math.comb(n - c, k) / math.comb(n, k)


def pass_hat_k(n: int, c: int, k: int) -> float:
    """The chance that all of ``k`` samples pass, given that ``c`` of ``n`` did: C(c, k)/C(n, k) (pass^k)."""
    _check_counts(n, c, k)
    return math.comb(c, k) / math.comb(n, k)


def mean_pass_at_k(counts: Sequence[tuple[int, int]], k: int) -> float:
    """The mean of pass@k over tasks, each given as (samples, passed). Raises ``UsageError`` where there are none."""
    if not counts:
        raise UsageError("pass@k of no tasks: expected at least one (samples, passed)")
    return math.fsum(pass_at_k(n, c, k) for n, c in counts) / len(counts)


def wilson(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval for a share (Wilson 1927). Of nothing it is (0, 1): nothing is known."""
    _check_confidence(confidence)
    if not 0 <= successes <= n:
        raise UsageError(f"{successes} successes of {n}: expected between 0 and {n}")
    if n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share, weight = successes / n, z * z / n
    centre = (share + weight / 2) / (1 + weight)
    half = math.sqrt(share * (1 - share) * weight + weight * weight / 4) / (1 + weight)
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    return low, 1.0 if successes == n else min(1.0, centre + half)


class McNemar(Frozen):
    """Tasks that only one of two runs solved, and the exact two-sided p of such a split if the runs were equal."""

    only_first: int
    only_second: int
    p: float


def mcnemar(only_first: int, only_second: int) -> McNemar:
    """The exact McNemar test of two runs on the same tasks."""
    return McNemar(only_first=only_first, only_second=only_second, p=mcnemar_exact(only_first, only_second))


def mcnemar_exact(b: int, c: int) -> float:
    """min(1, 2·P[Bin(b + c, ½) ≤ min(b, c)]): two-sided, exact; 1 where no task tells the runs apart."""
    if b < 0 or c < 0:
        raise UsageError(f"discordant counts {b} and {c}: expected none below 0")
    n, term, total = b + c, 1, 0
    for i in range(min(b, c) + 1):
        total += term
        term = term * (n - i) // (i + 1)
    return min(1.0, 2 * total / (1 << n))


def paired_bootstrap(
    differences: Sequence[float], *, confidence: float = 0.95, resamples: int = 10_000, seed: int = 0
) -> tuple[float, float]:
    """The percentile interval (Efron 1979) of the mean of paired differences, one per task, tasks drawn anew.

    The same seed gives the same interval. Raises ``UsageError`` where there are no differences.
    """
    _check_confidence(confidence)
    if not differences or resamples < 1:
        raise UsageError(f"bootstrap of {len(differences)} pairs, {resamples} times: expected at least one of each")
    import numpy as np

    values = np.asarray(differences, dtype=np.float64)
    generator = np.random.default_rng(seed)
    rows = max(1, _CHUNK // len(values))
    means = np.concatenate(
        [
            values[generator.integers(len(values), size=(min(rows, resamples - start), len(values)))].mean(axis=1)
            for start in range(0, resamples, rows)
        ]
    )
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _check_counts(n: int, c: int, k: int) -> None:
    if not 0 <= c <= n:
        raise UsageError(f"{c} of {n} samples passed: expected between 0 and {n}")
    if not 1 <= k <= n:
        raise UsageError(f"pass@{k} of {n} samples: expected k between 1 and {n}")


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise UsageError(f"confidence {confidence}: expected between 0 and 1, such as 0.95")
