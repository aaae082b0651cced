"""What lessons were worth: how many tasks were solved with each, and how many where it was left out by lot."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, fsum

from reflexa.lessons import Lesson, LessonOutcomes, LessonTrials
from reflexa.memory.lessons.utility import effect, help_probability, utility
from reflexa.types import Frozen

_QUANTILE = 1.959964
"""Of the standard normal at 0.975."""


class Share(Frozen):
    """``solved`` of ``n`` episodes of all runs together, and the ``rate`` that the runs average to.

    Each run counts for n₁ n₀ / n of its n episodes, n₁ with the lesson and n₀ without, on either side: else runs that
    showed it more often would weigh more with it than without (Cochran 1954).
    """

    solved: int
    n: int
    rate: float


class Worth(Frozen):
    """A lesson's worth, over the ``runs`` that showed it and left it out.

    ``difference`` is that of the rates, Mantel and Haenszel's; ``odds_ratio`` the posterior median, with its central
    95 % interval. ``helps`` is the posterior probability that a task is likelier solved with the lesson than without,
    ``utility`` the factor of its rank that follows. Without such runs all of them say nothing (0, 1, 0.5 and 1): how
    often tasks were solved with it is no measure of what it did.
    """

    id: str
    suite: str
    status: str
    text: str
    runs: int
    shown: Share
    left_out: Share
    difference: float
    odds_ratio: float
    ci95: tuple[float, float]
    helps: float
    utility: float


def worth(lesson: Lesson, trials: LessonTrials) -> Worth:
    counted, found = trials.total, effect(trials)
    shown = Share(
        solved=counted.shown_solved, n=counted.shown, rate=_average(trials, lambda run: run.shown_solved / run.shown)
    )
    left_out = Share(
        solved=counted.left_out_solved,
        n=counted.left_out,
        rate=_average(trials, lambda run: run.left_out_solved / run.left_out),
    )
    return Worth(
        id=lesson.id,
        suite=lesson.suite,
        status=lesson.status,
        text=lesson.text,
        runs=len(trials.runs),
        shown=shown,
        left_out=left_out,
        difference=shown.rate - left_out.rate,
        odds_ratio=exp(found.mean),
        ci95=(exp(found.mean - _QUANTILE * found.stdev), exp(found.mean + _QUANTILE * found.stdev)),
        helps=help_probability(trials),
        utility=utility(trials),
    )


def _average(trials: LessonTrials, share: Callable[[LessonOutcomes], float]) -> float:
    """The runs' mean, each weighing n₁ n₀ / n; 0 where there are none."""
    weighed = [(run.shown * run.left_out / (run.shown + run.left_out), share(run)) for run in trials.runs]
    total = fsum(weight for weight, _ in weighed)
    return fsum(weight * rate for weight, rate in weighed) / total if total else 0.0
