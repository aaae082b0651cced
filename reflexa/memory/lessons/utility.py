"""What a lesson is worth, from what became of the episodes that were shown it and those from which it was left out.

Which episodes of a run it was left out of was drawn by lot, so the two groups differ in nothing else, and the
difference is the lesson's doing. Between runs much may differ: a strong model's run that left it out nearly always and
a weak one's that nearly always showed it would together say that it hurts, though it helps in both (Simpson 1951). So
each run is held against itself alone. Of its n = n₁ + n₀ episodes n₁ were shown the lesson, of which x₁ were solved,
and n₀ were not; m were solved in all. If the lesson does nothing, x₁ has the hypergeometric mean and variance

    E = n₁ m / n        V = n₁ n₀ m (n - m) / (n² (n - 1))

(Cochran 1954; Mantel and Haenszel 1959). Given these margins, the likelihood of a log odds ratio δ that all runs share
is close to that of S = Σ(x₁ - E) ~ Normal(δ Σ V, Σ V) (Peto's one step: Yusuf et al. 1985). It stays right over many
runs of few episodes, where a share estimated for each run would not. With the normal prior of variance τ² = 2π²/3, that
of the difference between the log odds of two uniform shares, the posterior of δ is

    Normal(S / (Σ V + 1/τ²), 1 / (Σ V + 1/τ²)),   and so   P(helps) = Φ(S / √(Σ V + 1/τ²))
"""

from __future__ import annotations

from math import pi
from statistics import NormalDist

from reflexa.lessons import LessonOutcomes, LessonTrials

HARMFUL = 0.975
"""From which probability of harm on a lesson counts as harmful: it is looked at again and again, so not 0.95."""
LEAST = 8
"""Episodes of each group without which no lesson is called harmful."""
_PRIOR = NormalDist(0.0, pi * (2 / 3) ** 0.5)


def effect(trials: LessonTrials) -> NormalDist:
    """The posterior of the log odds ratio of solving a task with the lesson against without it: 0 does nothing."""
    surplus = spread = 0.0
    for counts in trials.runs:
        more, variance = _against_chance(counts)
        surplus, spread = surplus + more, spread + variance
    precision = spread + 1 / _PRIOR.variance
    return NormalDist(surplus / precision, precision**-0.5)


def help_probability(trials: LessonTrials) -> float:
    """The posterior probability that an episode is likelier solved with the lesson than without it; 0.5: unknown."""
    return 1.0 - effect(trials).cdf(0.0)


def utility(trials: LessonTrials) -> float:
    """A factor in [0.5, 1.5]: 1 where nothing is known, or nothing but how often what was shown it was solved."""
    return 0.5 + help_probability(trials)


def harmful(trials: LessonTrials) -> bool:
    """Whether the lesson makes it less likely that a task is solved: ``1 - help_probability`` is ``HARMFUL``."""
    counted = trials.total
    enough = min(counted.shown, counted.left_out) >= LEAST
    return enough and 1.0 - help_probability(trials) >= HARMFUL


def _against_chance(counts: LessonOutcomes) -> tuple[float, float]:
    """By how much more episodes were solved with the lesson in one run than by chance, and the variance of that."""
    with_it, without = counts.shown, counts.left_out
    n, solved = with_it + without, counts.shown_solved + counts.left_out_solved
    variance = with_it * without * solved * (n - solved) / (n**2 * (n - 1))
    return counts.shown_solved - with_it * solved / n, variance
