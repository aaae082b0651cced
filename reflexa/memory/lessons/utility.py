"""What a lesson is worth, from what became of the episodes that were shown it and those from which it was left out.

Which episodes it was left out of was drawn by lot, so the two groups differ in nothing else, and the difference is
the lesson's doing. Both shares of solved episodes have a uniform prior, Beta(1, 1).
"""

from __future__ import annotations

from functools import lru_cache
from math import exp, fsum, lgamma, log

from reflexa.lessons import LessonOutcomes

HARMFUL = 0.975
"""From which probability of harm on a lesson counts as harmful: it is looked at again and again, so not 0.95."""
LEAST = 8
"""Episodes of each group without which no lesson is called harmful."""


def utility(outcomes: LessonOutcomes) -> float:
    """A factor in (0.5, 1.5): 1 where nothing is known, or nothing but how often what was shown it was solved."""
    if not outcomes.shown or not outcomes.left_out:
        return 1.0
    return 0.5 + help_probability(outcomes)


def harmful(outcomes: LessonOutcomes) -> bool:
    """Whether the lesson makes it less likely that a task is solved: ``1 - help_probability`` is ``HARMFUL``."""
    enough = min(outcomes.shown, outcomes.left_out) >= LEAST
    return enough and 1.0 - help_probability(outcomes) >= HARMFUL


@lru_cache(maxsize=4096)
def help_probability(outcomes: LessonOutcomes) -> float:
    """The posterior probability that an episode is likelier solved with the lesson than without it; 0.5: unknown."""
    shown = (outcomes.shown_solved, outcomes.shown - outcomes.shown_solved)
    left_out = (outcomes.left_out_solved, outcomes.left_out - outcomes.left_out_solved)
    return _beta_exceeds(*(count + 1 for count in (*shown, *left_out)))


def _beta_exceeds(a: int, b: int, c: int, d: int) -> float:
    """P(X > Y) of independent X ~ Beta(a, b) and Y ~ Beta(c, d) with whole parameters: a finite sum.

    It has as many terms as one parameter says, so the smallest is made that one: 1 - X ~ Beta(b, a), and P(X > Y) is
    both P(1 - Y > 1 - X) and 1 - P(Y > X).
    """
    smallest = min(a, b, c, d)
    if smallest == a:
        return min(1.0, fsum(exp(_term(i, b, c, d)) for i in range(a)))
    if smallest == d:
        return _beta_exceeds(d, c, b, a)
    return 1.0 - _beta_exceeds(c, d, a, b)


def _term(i: int, b: int, c: int, d: int) -> float:
    """The logarithm of B(c + i, b + d) / ((b + i) B(1 + i, b) B(c, d))."""
    return _log_beta(c + i, b + d) - _log_beta(1 + i, b) - _log_beta(c, d) - log(b + i)


def _log_beta(a: int, b: int) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)
