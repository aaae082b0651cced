"""How reward changes with the distance from the start: Gao et al.'s curves (2210.10760), fitted with intervals.

The distance is d = √KL(policy‖start), in √nats. What is fitted is the gain R(d) over the start's own reward, R(0) = 0:

- best of n:  R(d) = d·(α − β·d), whose peak is at α/2β
- RL:         R(d) = d·(α − β·ln d), whose peak is at exp(α/β − 1)

Both are linear in α and β, so that least squares has one answer. Past the peak a better proxy reward is a worse true
one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from reflexa.errors import UsageError
from reflexa.types import Frozen

Law = Literal["best-of-n", "rl"]
Numbers = NDArray[np.float64]
FORMULAS: dict[Law, str] = {"best-of-n": "R(d) = d·(α − β·d)", "rl": "R(d) = d·(α − β·ln d)"}
LEAST_POINTS = 3
"""Distances beyond the start that a fit needs: two parameters, and one more for them to be wrong about."""
_SINGULAR = 1e-10
"""A determinant below this share of its largest possible value tells nothing of two parameters."""
_LARGEST_EXPONENT = 700.0


class Estimate(Frozen):
    """A number with its 95 % interval. None stands for what is never reached, however far one goes."""

    value: float | None
    low: float | None
    high: float | None


class Curve(Frozen):
    """One fitted curve.

    ``peak`` is where the true reward is highest, as a distance in √nats; ``height`` the gain there. ``furthest`` is the
    largest distance that was measured, ``misfit`` the root mean square of what the curve leaves unexplained.
    ``resampled`` says what the intervals are over: the same tasks or seeds at all points, or the points.
    """

    law: Law
    alpha: Estimate
    beta: Estimate
    peak: Estimate
    height: Estimate
    furthest: float
    misfit: float
    points: int
    resampled: Literal["replicates", "points"]

    @property
    def shown(self) -> bool:
        """Whether over-optimisation is shown: the peak's whole interval lies within what was measured."""
        return self.peak.high is not None and self.peak.high < self.furthest

    def gain(self, distance: float) -> float:
        """R at a distance in √nats."""
        if distance <= 0:
            return 0.0
        spoilt = distance if self.law == "best-of-n" else math.log(distance)
        return distance * ((self.alpha.value or 0.0) - (self.beta.value or 0.0) * spoilt)

    def sampled(self, start: float, n: int = 120) -> list[tuple[float, float]]:
        """The curve up to what was measured: ``n`` + 1 distances with their rewards; ``start`` is the start's own."""
        steps = [self.furthest * i / n for i in range(n + 1)]
        return [(step, start + self.gain(step)) for step in steps]


def distance(kl: float) -> float:
    """√KL; an estimate of the KL that came out below 0 counts as 0."""
    return math.sqrt(max(kl, 0.0))


def fit_curve(
    law: Law,
    distances: Sequence[float],
    gains: Sequence[float] | Sequence[Sequence[float]] | Numbers,
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> Curve:
    """Least squares, and percentile bootstrap intervals (Efron 1979); the same seed gives the same intervals.

    ``distances`` [points] are √KL; ``gains`` the rewards less the start's: [points], or [replicates, points] where the
    same tasks, prompts or seeds were measured at all points. Replicates are then drawn anew, else points are. Points at
    distance 0 say nothing of a curve through 0 and are left out. Raises ``UsageError`` for fewer than ``LEAST_POINTS``
    different distances beyond it, and for numbers that are not finite.
    """
    found = np.asarray(gains, dtype=np.float64)
    where = np.asarray(distances, dtype=np.float64)
    _check(where, found)
    away = where > 0
    where, found = where[away], found[..., away]
    if len(np.unique(where)) < LEAST_POINTS:
        raise UsageError(
            f"a curve through {len(np.unique(where))} distances from the start: expected at least {LEAST_POINTS}; "
            "keep more checkpoints, or go further"
        )
    features = _features(law, where)
    mean = found.mean(axis=0) if found.ndim == 2 else found
    fitted = _solve(features, mean, np.ones_like(mean))
    generator = np.random.default_rng(seed)
    drawn = _resampled(features, found, generator, resamples)
    peak, peaks = _peak(law, fitted[None])[0], _peak(law, drawn)
    return Curve(
        law=law,
        alpha=_estimate(fitted[0], drawn[:, 0]),
        beta=_estimate(fitted[1], drawn[:, 1]),
        peak=_estimate(peak[0], peaks[:, 0]),
        height=_estimate(peak[1], peaks[:, 1]),
        furthest=float(where.max()),
        misfit=float(np.sqrt(np.mean((features @ fitted - mean) ** 2))),
        points=len(where),
        resampled="replicates" if _replicated(found) else "points",
    )


def _check(where: Numbers, found: Numbers) -> None:
    if where.ndim != 1 or found.ndim not in (1, 2) or found.shape[-1] != len(where) or not found.size:
        raise UsageError(
            f"gains of shape {found.shape} at distances of shape {where.shape}: expected [points] or "
            "[replicates, points] of gains, and [points] of distances"
        )
    if not (np.isfinite(where).all() and np.isfinite(found).all() and (where >= 0).all()):
        raise UsageError("a curve through numbers that are not finite, or distances below 0: expected neither")


def _features(law: Law, where: Numbers) -> Numbers:
    """What α and β are multiplied with: [points, 2]."""
    return np.stack([where, -where * (where if law == "best-of-n" else np.log(where))], axis=1)


def _solve(features: Numbers, gains: Numbers, weights: Numbers) -> Numbers:
    """α and β of weighted least squares: [..., 2]; no numbers where the weighted points do not determine them."""
    first, second = features[:, 0], features[:, 1]
    aa, ab, bb = weights @ first**2, weights @ (first * second), weights @ second**2
    a, b = (weights * gains) @ first, (weights * gains) @ second
    determinant = aa * bb - ab * ab
    usable = np.where(determinant > _SINGULAR * aa * bb, determinant, np.nan)
    return np.stack([(bb * a - ab * b) / usable, (aa * b - ab * a) / usable], axis=-1)


def _replicated(found: Numbers) -> bool:
    return found.ndim == 2 and found.shape[0] > 1


def _resampled(features: Numbers, found: Numbers, generator: np.random.Generator, resamples: int) -> Numbers:
    """α and β of every resample that determines them: [resamples, 2]."""
    points = len(features)
    if _replicated(found):
        means = np.stack(
            [found[generator.integers(len(found), size=len(found))].mean(axis=0) for _ in range(resamples)]
        )
        fits = _solve(features, means, np.ones_like(means))
    else:
        weights = generator.multinomial(points, np.full(points, 1 / points), size=resamples).astype(np.float64)
        fits = _solve(features, np.broadcast_to(found.reshape(-1, points)[0], weights.shape), weights)
    return fits[np.isfinite(fits).all(axis=1)]


def _peak(law: Law, fits: Numbers) -> Numbers:
    """Where the curves peak, and their gains there: [fits, 2]; infinite where they rise for ever."""
    alpha, beta = fits[:, 0], fits[:, 1]
    falls = beta > 0
    safe = np.where(falls, beta, 1.0)
    if law == "best-of-n":
        where = np.maximum(alpha, 0.0) / (2 * safe)
        height = where * (alpha - safe * where)
    else:
        where = np.exp(np.minimum(alpha / safe - 1, _LARGEST_EXPONENT))
        height = where * safe
    return np.where(falls[:, None], np.stack([where, height], axis=1), np.inf)


def _estimate(value: float, drawn: Numbers) -> Estimate:
    low = float(np.quantile(drawn, 0.025, method="lower"))
    high = float(np.quantile(drawn, 0.975, method="higher"))
    return Estimate(value=_reached(float(value)), low=_reached(low), high=_reached(high))


def _reached(value: float) -> float | None:
    return value if math.isfinite(value) else None
