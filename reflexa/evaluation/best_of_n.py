"""Best of n: what the answer is worth that a reward prefers among n, estimated without bias from N ≥ n samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reflexa.errors import UsageError

Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class BestOfN:
    """The expected rewards of the best of each of ``sizes`` answers, by prompt: [prompts, sizes].

    ``proxy`` is the reward that chose, ``true`` the one that counts; ``kl`` [sizes] the distance in nats.
    """

    sizes: tuple[int, ...]
    kl: Numbers
    proxy: Numbers
    true: Numbers


def best_of_n_kl(n: int) -> float:
    """KL(best of n‖policy) in nats: ln n − (n − 1)/n, exact where no two rewards are equal, else an upper bound."""
    if n < 1:
        raise UsageError(f"best of {n}: expected at least 1 answer")
    return math.log(n) - (n - 1) / n


def best_of_n(proxy: ArrayLike, true: ArrayLike, sizes: Sequence[int]) -> BestOfN:
    """What choosing by ``proxy`` among n of the N samples of each prompt gains: both are [prompts, N].

    The mean over all C(N, n) subsets: the sample of rank i by proxy is the best of C(i − 1, n − 1) of them. Of answers
    with equal proxies each is as likely to be taken. Raises ``UsageError`` unless 1 ≤ n ≤ N, for shapes that differ,
    and for rewards that are not finite.
    """
    chosen_by, worth = np.asarray(proxy, dtype=np.float64), np.asarray(true, dtype=np.float64)
    if chosen_by.ndim != 2 or chosen_by.shape != worth.shape:
        raise UsageError(
            f"proxy rewards of shape {chosen_by.shape}, true ones of {worth.shape}: expected [prompts, samples] twice"
        )
    if not (np.isfinite(chosen_by).all() and np.isfinite(worth).all()):
        raise UsageError("best of n of rewards that are not finite: expected numbers alone")
    samples = chosen_by.shape[1]
    order = np.argsort(chosen_by, axis=1, kind="stable")
    ranked = np.take_along_axis(chosen_by, order, axis=1)
    worth = _shared(ranked, np.take_along_axis(worth, order, axis=1))
    weights = np.stack([_weights(samples, n) for n in sizes], axis=1)
    return BestOfN(
        sizes=tuple(sizes),
        kl=np.array([best_of_n_kl(n) for n in sizes]),
        proxy=ranked @ weights,
        true=worth @ weights,
    )


def _weights(samples: int, n: int) -> Numbers:
    """C(i − 1, n − 1)/C(N, n) for the ranks i = 1…N, each from the one above it: [N]."""
    if not 1 <= n <= samples:
        raise UsageError(f"best of {n} from {samples} samples a prompt: expected n between 1 and {samples}")
    ranks = np.arange(samples, n, -1, dtype=np.float64)
    falling = np.concatenate([[n / samples], n / samples * np.cumprod((ranks - n) / (ranks - 1))])
    return np.concatenate([np.zeros(n - 1), falling[::-1]])


def _shared(ranked: Numbers, worth: Numbers) -> Numbers:
    """True rewards in the order of the proxy; those of equal proxies are replaced by their mean."""
    starts = np.concatenate([np.ones((len(ranked), 1), dtype=bool), ranked[:, 1:] != ranked[:, :-1]], axis=1)
    groups = np.cumsum(starts.ravel()) - 1
    means: Numbers = np.bincount(groups, weights=worth.ravel()) / np.bincount(groups)
    shared: Numbers = means[groups].reshape(worth.shape)
    return shared
